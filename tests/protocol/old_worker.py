"""A worker of the version before: a transactional id a partition, no guard, recovery to what is stable.

It knows neither the group's guard nor the new format, which it refuses where it reads it.
"""

from tests.protocol import broker
from tests.protocol.state import (
    ABORTED,
    COMMITTED,
    DOWN,
    EMPTY,
    FENCE,
    IDLE,
    OPEN,
    REFUSED,
    RUN,
    SNAPSHOT,
    WAIT,
    Cycle,
    Worker,
    is_current,
    spent,
    stable,
    with_worker,
)


def steps(model, state, number):
    """All that the process may do next. Models with old workers have one partition."""
    worker = state.workers[number]
    if worker.at == DOWN:
        yield f"old w{number} starts", with_worker(state, number, Worker(IDLE, worker.disk, epoch=1))
        return
    if state.budget.kills and IDLE < worker.at < REFUSED:
        yield f"KILL old w{number}", spent(_ended(state, number), "kills")
    if worker.at in (FENCE, SNAPSHOT, WAIT):
        yield from _take_over(model, state, number)
    elif worker.cycle is not None:
        yield _proceed(model, state, number)
    elif worker.at == RUN and worker.parts:
        yield from _begin(model, state, number)
    if IDLE < worker.at < REFUSED and worker.cycle is None and not is_current(state, number):
        gone = worker._replace(at=IDLE, parts=(), positions=(), ends=())
        yield f"old w{number} notices that it was put out", with_worker(state, number, gone)


def _ended(state, number):
    return with_worker(state, number, Worker(DOWN, state.workers[number].disk))


def _take_over(model, state, number):
    """Fences its predecessor, takes every open transaction for forgotten, recovers to the stable end."""
    worker, id = state.workers[number], model.old_id(0)
    if worker.at == FENCE:
        done, epoch = broker.initialise(state, id)
        if epoch is not None:
            taken = worker._replace(at=SNAPSHOT, epoch=epoch)
            yield f"old w{number} fences id {id}", with_worker(done, number, taken)
        elif done != state:
            yield f"old w{number} aborts what id {id} left open", done
    elif worker.at == SNAPSHOT:
        done = state
        for producer in {entry.id for entry in state.logs[0] if entry.status == OPEN}:
            done = broker.mark(done, producer, 0, ABORTED)
        yield f"old w{number} aborts what is open", with_worker(done, number, worker._replace(at=WAIT))
    else:
        yield _recover(state, number)


def _recover(state, number):
    worker = state.workers[number]
    seen = [one for one in state.logs[0][: stable(state.logs[0])] if one.status == COMMITTED]
    if any(one.id < len(state.workers) or one.click < 0 for one in seen):
        return f"old w{number} refuses the new format", with_worker(
            state, number, worker._replace(at=REFUSED)
        )
    position = max((one.click + 1 for one in seen), default=0)
    done = worker._replace(at=RUN, positions=(position,))
    return f"old w{number} recovers to {position}", with_worker(state, number, done)


def _begin(model, state, number):
    worker, id = state.workers[number], model.old_id(0)
    if worker.positions[0] >= model.bounds.inputs:
        return
    if state.transactions[id].epoch != worker.epoch:
        yield f"old w{number} finds itself fenced", _ended(state, number)
    elif state.transactions[id].status == EMPTY:
        done = broker.begin(state, id, {0})
        begun = worker._replace(cycle=Cycle(((0, worker.positions[0]),), frozenset({0})))
        yield f"old w{number} begins", with_worker(done, number, begun)


def _proceed(model, state, number):
    worker, id = state.workers[number], model.old_id(0)
    if not broker.is_open(state, id, worker.epoch):
        return f"old w{number} is refused: fenced", _ended(state, number)
    click = worker.positions[0]
    if worker.cycle.unacknowledged:
        done = broker.append(state, 0, id, worker.epoch, click)
        waiting = worker._replace(cycle=worker.cycle._replace(unacknowledged=frozenset()))
        return f"old w{number} writes click {click}", with_worker(done, number, waiting)
    done = worker._replace(cycle=None, positions=(click + 1,))
    return f"old w{number} EndTxn", with_worker(broker.end(state, id, COMMITTED), number, done)
