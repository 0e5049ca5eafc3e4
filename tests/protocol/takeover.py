"""Taking over partitions: fence, wait until nothing of a predecessor is pending or open, recover."""

from operator import lt

from tests.protocol import broker
from tests.protocol.state import (
    COMMITTED,
    FENCE,
    OPEN,
    REFUSED,
    RUN,
    SNAPSHOT,
    STABLE,
    UPGRADE,
    WAIT,
    Violation,
    is_current,
    put,
    stable,
    with_worker,
)


def steps(model, state, number):
    """The next steps of a takeover; several where it may as well go on waiting."""
    worker = state.workers[number]
    if worker.at == FENCE:
        yield from _fence_old(model, state, number)
    elif worker.at == STABLE:
        if not (model.guards.stable_offsets and _pending(state, worker)):
            following = SNAPSHOT if model.guards.snapshot_last else WAIT
            offsets = tuple(state.group.committed[partition] for partition in worker.parts)
            yield f"w{number} fetches offsets {offsets}", _at(state, number, following, offsets=offsets)
    elif worker.at == SNAPSHOT:
        logs = [log for partition in worker.parts for log in model.of(partition)]
        ends = tuple((log, len(state.logs[log])) for log in logs)
        following = WAIT if model.guards.snapshot_last else STABLE
        yield f"w{number} takes the high watermarks {ends}", _at(state, number, following, ends=ends)
    elif worker.at == WAIT:
        yield from _recover(model, state, number)


def _at(state, number, at, **changes):
    return with_worker(state, number, state.workers[number]._replace(at=at, **changes))


def _pending(state, worker):
    return [one for one in state.group.pending if one[0] in worker.parts]


def _fence_old(model, state, number):
    """InitProducerId of the ids that workers of the version before have, one a partition."""
    worker = state.workers[number]
    ids = [model.old_id(partition) for partition in worker.parts]
    left = (
        [one for one in ids if one not in {known[0] for known in worker.fenced}]
        if model.guards.fences_old
        else []
    )
    if not left:
        yield f"w{number} has fenced old workers", _at(state, number, model.first_step)
        return
    done, epoch = broker.initialise(state, left[0])
    if epoch is not None:
        fenced = worker._replace(fenced=(*worker.fenced, (left[0], epoch, "")))
        yield f"w{number} fences old id {left[0]}", with_worker(done, number, fenced)
    elif done != state:
        yield f"w{number} aborts what old id {left[0]} left open", done


def _recover(model, state, number):
    worker = state.workers[number]
    ends = dict(worker.ends)
    if not model.guards.high_watermark:
        ends = {log: stable(state.logs[log]) for log in ends}
    waited = ends if model.guards.waits_for_answers else worker.parts
    if any(stable(state.logs[log]) < ends[log] for log in waited):
        return
    positions = tuple(
        _recovered(model, state, number, partition, ends[partition]) for partition in worker.parts
    )
    done = _at(state, number, RUN, positions=positions, ends=(), offsets=(), target=None)
    if model.guards.compares_offsets and any(map(lt, positions, worker.offsets)):
        done = _at(state, number, REFUSED)
    elif model.bounds.old and model.guards.marks_format:
        done = _at(state, number, UPGRADE, positions=positions, ends=(), offsets=(), target=None)
    else:
        done = recovered(done, number)
    yield f"w{number} recovers to {positions}", done


def _recovered(model, state, number, partition, end):
    """The position after the changelog is applied on top of the local database."""
    log = state.logs[partition]
    position, index = state.workers[number].disk[partition]
    if model.guards.rebuilds and index >= 0 and log[index].status != COMMITTED:
        position, index = 0, -1
    for entry in log[index + 1 : end]:
        if entry.status == COMMITTED and entry.click >= 0:
            position = entry.click + 1
    return position


def recovered(state, number):
    """Checks an owner's state when it begins to process."""
    if not is_current(state, number):
        return state
    worker = state.workers[number]
    _compare(state, number, worker)
    for partition in worker.parts:
        state = state._replace(recovered=put(state.recovered, partition, worker.generation))
    return state


def _compare(state, number, worker):
    for partition, position in zip(worker.parts, worker.positions, strict=True):
        applied = sum(
            entry.click >= 0 for entry in state.logs[partition] if is_committed(state, partition, entry)
        )
        if position != applied:
            raise Violation(
                f"w{number} recovers p{partition} to {position}, but {applied} clicks are committed"
            )


def is_committed(state, log, entry):
    """Whether readers see an entry now, or will as soon as its marker lands."""
    known = state.transactions[entry.id]
    decided = known.status == COMMITTED and log in known.parts and known.epoch == entry.epoch
    return entry.status == COMMITTED or (entry.status == OPEN and decided)
