"""Keep out workers of the version before: the new format is readable before anything else is written."""

from tests.protocol import broker
from tests.protocol.state import COMMITTED, DOWN, EMPTY, RUN, UPGRADE, Worker, with_worker
from tests.protocol.takeover import recovered

#: The click of the entry that only marks the format.
FORMAT = -1


def steps(model, state, number):
    """Write the mark through the old id, end it, wait until it can be read. Models have one partition."""
    worker = state.workers[number]
    if worker.at != UPGRADE:
        return
    id = model.old_id(0)
    epoch = next(one[1] for one in worker.fenced if one[0] == id)
    if _is_marked(model, state):
        running = with_worker(state, number, worker._replace(at=RUN, ends=()))
        yield f"w{number} sees the new format", recovered(running, number)
    elif not worker.ends and state.transactions[id] == (epoch, EMPTY, (), state.transactions[id].last):
        done = broker.append(broker.begin(state, id, {0}), 0, id, epoch, FORMAT)
        yield f"w{number} writes the new format", with_worker(done, number, worker._replace(ends=("open",)))
    elif worker.ends == ("open",) and broker.is_open(state, id, epoch):
        done = broker.end(state, id, COMMITTED)
        yield f"w{number} ends its mark", with_worker(done, number, worker._replace(ends=("ended",)))
    elif state.transactions[id].epoch != epoch:
        gone = Worker(DOWN, worker.disk)
        yield f"w{number} may not mark the format: fenced", with_worker(state, number, gone)


def _is_marked(model, state):
    new = range(model.bounds.workers)
    return any(one.status == COMMITTED and (one.click == FORMAT or one.id in new) for one in state.logs[0])
