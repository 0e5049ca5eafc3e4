"""A worker of the new version: start, end, and cycles of one transaction over all its partitions."""

from tests.protocol import broker
from tests.protocol.state import (
    ABORTED,
    COMMITTED,
    DOWN,
    EMPTY,
    IDLE,
    OFFSETS,
    OPEN,
    REFUSED,
    RUN,
    Cycle,
    Violation,
    Worker,
    is_current,
    put,
    spent,
    with_worker,
)


def steps(model, state, number):
    """All that the process (or whoever restarts it) may do next, but taking over."""
    worker = state.workers[number]
    if worker.at == DOWN:
        yield from _start(model, state, number)
        return
    if worker.at == REFUSED:
        return
    if state.budget.kills and worker.at > IDLE:
        yield f"KILL w{number}", spent(_ended(state, number), "kills")
    if worker.unwritten:
        yield f"w{number} writes locally", _written(state, number)
    if worker.cycle is not None:
        yield from _proceed(model, state, number)
    elif worker.at == RUN:
        yield from _begin(model, state, number)
    if _may_notice(model, state, number):
        gone = worker._replace(at=IDLE, target=None, parts=(), positions=(), ends=(), offsets=())
        yield f"w{number} notices that it was put out", with_worker(state, number, gone)


def _start(model, state, number):
    if model.guards.settles_own:
        state = _settled(state, number)
    done, epoch = broker.initialise(state, number)
    if epoch is not None:
        asked = ((number, epoch, state.transactions[number].last),)
        started = Worker(IDLE, state.workers[number].disk, epoch, fenced=asked)
        yield f"w{number} starts at epoch {epoch}", with_worker(done, number, started)
    elif done != state:
        yield f"w{number} starts: aborts what it left open", done


def _settled(state, number):
    """Commit markers wherever the last transaction, complete and committed, has none."""
    known = state.transactions[number]
    if known.status != EMPTY or known.last != COMMITTED:
        return state
    for log, entries in enumerate(state.logs):
        if any(one[:3] == (number, known.epoch, OPEN) for one in entries):
            state = broker.mark(state, number, log, COMMITTED)
    return broker.mark(state, number, OFFSETS, COMMITTED)


def _ended(state, number):
    return with_worker(state, number, Worker(DOWN, state.workers[number].disk))


def _written(state, number):
    worker = state.workers[number]
    disk = worker.disk
    for partition, position, index in worker.unwritten:
        disk = put(disk, partition, (position, index))
    return with_worker(state, number, worker._replace(disk=disk, unwritten=()))


def _may_notice(model, state, number):
    worker = state.workers[number]
    finished = (worker.cycle is None and not worker.unwritten) or not model.guards.barrier
    return worker.at > IDLE and finished and not is_current(state, number)


def _begin(model, state, number):
    """The next cycle, on top of the one before, whose local write may be still to come."""
    worker, inputs = state.workers[number], model.bounds.inputs
    clicks = tuple(pair for pair in zip(worker.parts, worker.positions, strict=True) if pair[1] < inputs)
    if not clicks:
        return
    known = state.transactions[number]
    if known.epoch != worker.epoch:
        yield f"w{number} finds itself fenced", _ended(state, number)
    elif known.status == EMPTY:
        logs = {log for partition, _ in clicks for log in model.of(partition)}
        done = broker.begin(state, number, {*logs, OFFSETS})
        moved = tuple(min(position + 1, inputs) for position in worker.positions)
        cycle = Cycle(clicks, frozenset({*logs, OFFSETS}), worker.generation)
        begun = worker._replace(cycle=cycle, positions=moved)
        yield f"w{number} begins {dict(clicks)}", with_worker(done, number, begun)


def _proceed(model, state, number):
    worker = state.workers[number]
    cycle = worker.cycle
    if cycle.unacknowledged and not broker.is_open(state, number, worker.epoch):
        yield f"w{number} is refused: fenced", _ended(state, number)
        return
    for part in cycle.unacknowledged:
        if part == OFFSETS:
            yield _commit_offsets(model, state, number)
        else:
            yield from _produce(model, state, number, part)
    early = not model.guards.end_last and cycle.unacknowledged <= {OFFSETS}
    if (not cycle.unacknowledged or early) and not worker.unwritten:
        yield _end(model, state, number)


def _acknowledged(state, number, part):
    worker = state.workers[number]
    cycle = worker.cycle._replace(unacknowledged=worker.cycle.unacknowledged - {part})
    return with_worker(state, number, worker._replace(cycle=cycle))


def _produce(model, state, number, log):
    worker = state.workers[number]
    click = dict(worker.cycle.clicks)[log % model.bounds.partitions]
    done = broker.append(state, log, number, worker.epoch, click)
    yield f"w{number} writes click {click} to log {log}", _acknowledged(done, number, log)
    if state.budget.refusals:
        yield f"BROKER REFUSES a batch of w{number}", spent(_failed(model, state, number), "refusals")


def _failed(model, state, number):
    if model.guards.ends_on_failure:
        return _ended(state, number)
    worker = state.workers[number]._replace(cycle=None)
    return with_worker(broker.end(state, number, ABORTED), number, worker)


def _commit_offsets(model, state, number):
    worker, group = state.workers[number], state.group
    generation = worker.cycle.generation if model.guards.captured else worker.generation
    member = number in group.members and generation == group.generation
    if model.guards.generation and not member:
        if is_current(state, number):
            raise Violation(f"the transaction of w{number}, a live member, is refused")
        return f"w{number} is refused: generation {generation}", _failed(model, state, number)
    offsets = [(partition, click + 1) for partition, click in worker.cycle.clicks]
    done = broker.pend(state, number, worker.epoch, offsets)
    return f"w{number} commits its offsets (pending)", _acknowledged(done, number, OFFSETS)


def _end(model, state, number):
    worker = state.workers[number]
    if not broker.is_open(state, number, worker.epoch):
        return f"w{number} may not end it: fenced", _ended(state, number)
    clicks = worker.cycle.clicks
    for partition, click in clicks:
        if state.recovered[partition] > worker.cycle.generation:
            raise Violation(f"w{number} commits click {click} of p{partition} after its successor recovered")
        if _last(state, number, partition) < 0:
            raise Violation(f"w{number} commits click {click} of p{partition}, which someone has aborted")
    written = tuple((partition, click + 1, _last(state, number, partition)) for partition, click in clicks)
    done = worker._replace(cycle=None, unwritten=written)
    return f"w{number} EndTxn", with_worker(broker.end(state, number, COMMITTED), number, done)


def _last(state, number, partition):
    log = state.logs[partition]
    return max(
        (index for index, entry in enumerate(log) if entry.id == number and entry.status == OPEN), default=-1
    )
