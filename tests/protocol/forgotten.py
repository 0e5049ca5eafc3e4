"""End transactions that Kafka forgot: decided, but without a marker in a partition."""

from tests.protocol import broker
from tests.protocol.state import ABORTED, EMPTY, OFFSETS, OPEN, REFUSED, with_worker


def steps(model, state, number, part, id, epoch):
    """WriteTxnMarkers, for producers whose epochs cannot come back."""
    if not _may_end(model, state, number, id, epoch) or not _is_latest(state, part, id, epoch):
        return
    decided = _decision(model, state, number, part, id, epoch)
    if decided:
        label = f"w{number} ends a forgotten transaction of id {id} in {part}: {decided}"
        yield label, broker.mark(state, id, part, decided)
    elif is_forgotten(state, part, id):
        refused = state.workers[number]._replace(at=REFUSED)
        yield f"w{number} refuses: what became of {id} in {part}?", with_worker(state, number, refused)


def is_forgotten(state, part, id):
    """Whether the coordinator has nothing to do there any more (seen after the takeover's patience)."""
    return part not in state.transactions[id].parts


def _may_end(model, state, number, id, epoch):
    worker, guards = state.workers[number], model.guards
    if id == number:
        nothing_open = guards.own_epoch and state.transactions[id].status == EMPTY
        return not guards.epochs or epoch < worker.epoch + nothing_open
    if not guards.only_fenced:
        return True
    return any(one[0] == id and (epoch < one[1] or not guards.epochs) for one in worker.fenced)


def _is_latest(state, part, id, epoch):
    """The broker refuses a marker of a producer that has written there at a later epoch."""
    epochs = [one[2] for one in state.group.pending if one[1] == id]
    if part != OFFSETS:
        epochs = [one.epoch for one in state.logs[part] if one.id == id]
    return max(epochs, default=epoch) <= epoch


def _decision(model, state, number, part, id, epoch):
    """How to end it: as the coordinator has said; "" if it does not know any more and nothing else tells.

    Where a commit of the changelog is aborted because nobody knew, the group's offsets show it at recovery.
    """
    if not model.guards.asks_decision or part == OFFSETS:
        return ABORTED
    known = _last(state, number, id, epoch)
    return known or (ABORTED if _is_open_in_changelog(model, state, part, id, epoch) else "")


def _is_open_in_changelog(model, state, part, id, epoch):
    return any(one[:3] == (id, epoch, OPEN) for one in state.logs[part % model.bounds.partitions])


def _last(state, number, id, epoch):
    """The last decision at this epoch, as it was before the fence or as it is."""
    now = state.transactions[id]
    before = [one[2] for one in state.workers[number].fenced if one[:2] == (id, epoch + 1)]
    return now.last if id == number and now.epoch == epoch else "".join(before)
