"""What is in a takeover's way: it fences producers of open transactions and ends forgotten ones."""

from tests.protocol import broker, forgotten
from tests.protocol.forgotten import is_forgotten
from tests.protocol.state import (
    IDLE,
    OFFSETS,
    OPEN,
    STABLE,
    WAIT,
    Violation,
    is_current,
    with_worker,
)


def steps(model, state, number):
    """What a takeover that waits may do about it."""
    worker = state.workers[number]
    if worker.at not in (STABLE, WAIT):
        return
    if worker.target:
        yield from _fence(model, state, number)
    for part, id, epoch in sorted(_in_the_way(model, state, worker)):
        yield from _choose(model, state, number, part, id, epoch)
        yield from forgotten.steps(model, state, number, part, id, epoch)


def _in_the_way(model, state, worker):
    """(where, producer, epoch) of the open transactions that it waits for."""
    if worker.at == STABLE:
        pending = {(OFFSETS, *one[1:3]) for one in state.group.pending if one[0] in worker.parts}
        return pending if model.guards.looks_at_offsets else set()
    return {
        (log, one.id, one.epoch)
        for log, end in worker.ends
        for one in state.logs[log][:end]
        if one.status == OPEN and (log < model.bounds.partitions or model.guards.waits_for_answers)
    }


def _choose(model, state, number, part, id, epoch):
    """Whom to fence next: nobody that is a member, unless the coordinator has nothing to end there."""
    worker = state.workers[number]
    spared = model.guards.spares_members and id in state.group.members and not is_forgotten(state, part, id)
    if id == number or spared or worker.target or id in {one[0] for one in worker.fenced}:
        return
    chosen = worker._replace(target=(id, epoch, is_forgotten(state, part, id)))
    yield f"w{number} is about to fence id {id}", with_worker(state, number, chosen)


def _fence(model, state, number):
    """InitProducerId with the chosen one's transactional id, once: who is told to wait looks again."""
    worker, guards = state.workers[number], model.guards
    done = with_worker(state, number, worker._replace(target=None))
    if guards.checks_generation and not is_current(state, number):
        yield f"w{number} does not fence: its generation is over", done
        return
    id, epoch, patient = worker.target
    last = state.transactions[id].last
    done, got = broker.initialise(done, id, epoch if guards.expects_epoch else None)
    if not patient:
        _check(state, done, number, id, epoch)
    if got is not None:
        fenced = (id, got, last) if got >= 0 else (id, epoch + 1, "")
        worker = done.workers[number]
        done = with_worker(done, number, worker._replace(fenced=(*worker.fenced, fenced)))
    yield f"w{number} fences id {id}", done


def _check(before, after, number, id, seen):
    """Members are at work, and so will be who has started again since it was `seen`: both are left alone."""
    if id >= len(before.workers) or before.transactions == after.transactions:
        return
    victim = before.workers[id]
    restarted = victim.at == IDLE and victim.epoch > seen
    if (restarted or is_current(before, id)) and victim.epoch == before.transactions[id].epoch:
        raise Violation(f"the takeover of w{number} fences w{id}, which is alive")
