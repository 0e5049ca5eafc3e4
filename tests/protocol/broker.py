"""What the broker does with transactions: one function a request, and the markers that follow a decision."""

from tests.protocol.state import ABORTED, COMMITTED, EMPTY, OFFSETS, OPEN, Entry, put, spent


def initialise(state, number, expected=None):
    """InitProducerId: the state and the epoch; None for "again later" (CONCURRENT_TRANSACTIONS).

    With `expected` it only touches a producer that is still at this epoch (KIP-360); -1: it is not.
    """
    known = state.transactions[number]
    if expected is not None and known.epoch != expected:
        return state, -1
    if known.status in (COMMITTED, ABORTED):
        return state, None
    if known.status == OPEN:
        aborted = known._replace(epoch=known.epoch + 1, status=ABORTED)
        return with_transaction(state, number, aborted), None
    known = known._replace(epoch=known.epoch + 1, last="")
    return with_transaction(state, number, known), known.epoch


def begin(state, number, parts):
    """AddPartitionsToTxn and AddOffsetsToTxn."""
    known = state.transactions[number]
    return with_transaction(state, number, known._replace(status=OPEN, parts=tuple(sorted(parts)), last=""))


def is_open(state, number, epoch):
    """Whether the coordinator knows this producer's transaction as open; brokers ask before they append."""
    known = state.transactions[number]
    return known.status == OPEN and known.epoch == epoch


def append(state, log, number, epoch, click):
    """Produce."""
    entries = (*state.logs[log], Entry(number, epoch, OPEN, click))
    return state._replace(logs=put(state.logs, log, entries))


def pend(state, number, epoch, offsets):
    """TxnOffsetCommit: (partition, position) pairs, not committed yet."""
    added = {(partition, number, epoch, position) for partition, position in offsets}
    return state._replace(group=state.group._replace(pending=state.group.pending | added))


def end(state, number, status):
    """EndTxn: the decision."""
    return with_transaction(state, number, state.transactions[number]._replace(status=status))


def markers(state):
    """What follows decisions by itself: a marker lands, or is forgotten (KAFKA-10167: each for itself)."""
    for number, known in enumerate(state.transactions):
        if known.status in (COMMITTED, ABORTED):
            for part in known.parts:
                done = _without(state, number, part)
                yield (
                    f"marker {known.status} of id {number} lands in {part}",
                    mark(done, number, part, known.status),
                )
                if state.budget.forgotten:
                    yield f"BROKER FORGETS marker of id {number} in {part}", spent(done, "forgotten")


def timeouts(state):
    """The coordinator aborts an open transaction whose time is over."""
    for number, known in enumerate(state.transactions):
        if known.status == OPEN and state.budget.timeouts:
            aborted = known._replace(epoch=known.epoch + 1, status=ABORTED)
            yield f"TIMEOUT of id {number}", spent(with_transaction(state, number, aborted), "timeouts")


def mark(state, number, part, status):
    """WriteTxnMarkers: ends whatever this producer has open in a partition."""
    if part == OFFSETS:
        return _mark_offsets(state, number, status)
    entries = tuple(
        entry._replace(status=status) if entry.id == number and entry.status == OPEN else entry
        for entry in state.logs[part]
    )
    return state._replace(logs=put(state.logs, part, entries))


def _mark_offsets(state, number, status):
    group = state.group
    ended = {one for one in group.pending if one[1] == number}
    committed = list(group.committed)
    for partition, _, _, position in ended if status == COMMITTED else ():
        committed[partition] = max(committed[partition], position)
    return state._replace(group=group._replace(pending=group.pending - ended, committed=tuple(committed)))


def _without(state, number, part):
    known = state.transactions[number]
    parts = tuple(one for one in known.parts if one != part)
    done = known._replace(parts=parts) if parts else known._replace(parts=(), status=EMPTY, last=known.status)
    return with_transaction(state, number, done)


def with_transaction(state, number, known):
    """The state with one transactional id replaced."""
    return state._replace(transactions=put(state.transactions, number, known))
