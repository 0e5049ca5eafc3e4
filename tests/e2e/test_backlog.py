"""Clicks that wait when a worker starts, and none after them: nothing later shows that one was lost."""

import shutil
import sys

from deploy.cluster.topic_creation import ensure
from tests.brokers import topic_names
from tests.e2e.test_worker import counted, once, shopping
from tests.e2e.worker import Worker, encoded, send

PARTITIONS, COUNT = 16, 200
#: A worker whose agent takes nothing out of Faust's queues from its last seek on until a moment after Faust
#: has emptied them; the seek takes until something is in them, or two seconds.
SLOW = """
import asyncio
from deploy.cli import main
from mode.utils.queues import ThrowableQueue
from streams.transport.consumer import Consumer

seek, get, taking = Consumer.perform_seek, ThrowableQueue.get, asyncio.Event()
taking.set()

async def slow_seek(self):
    if not self.runtime.restored:
        return await seek(self)
    taking.clear()
    await seek(self)
    for _ in range(200):
        if any(queue.qsize() for queue in self.app.flow_control._queues):
            break
        await asyncio.sleep(0.01)
    self.loop.call_later(0.3, taking.set)

async def slow_get(self):
    while self.empty() or not taking.is_set():
        await asyncio.sleep(0.01)
    return await get(self)

Consumer.perform_seek, ThrowableQueue.get = slow_seek, slow_get
main()
"""


class SlowWorker(Worker):
    """One that takes its time to begin."""

    command = (sys.executable, "-c", SLOW, "worker")


def test_what_waits_at_the_start_is_answered_without_a_click_after_it(broker, tmp_path):
    names = topic_names()
    ensure(broker, names, PARTITIONS)
    with Worker(broker, names, tmp_path) as worker, worker.dealing_with(COUNT):
        send(broker, names.clicks, encoded(shopping(COUNT, visitors=COUNT)))
    # State to recover from its changelog: Faust fetches before it is done then.
    shutil.rmtree(tmp_path / "data")
    send(broker, names.clicks, encoded(shopping(COUNT, visitors=COUNT, first=COUNT)))
    with SlowWorker(broker, names, tmp_path) as worker:
        worker.wait(lambda: worker.total("pathcast_events_total") >= COUNT, "clicks were lost", 120)
    assert counted(broker, names) == once(2 * COUNT)
