"""A rebalance that comes while the recovery before it is still ending."""

import asyncio
import inspect
import threading

import pytest
from faust.tables import recovery
from faust.transport.drivers import aiokafka as driver

from streams.effects import Effects
from streams.inputs.chunks import Chunk
from streams.transport import app as apps
from streams.transport.runtime import Runtime
from streams.transport.runtime_config import RuntimeConfig
from streams.transport.worker_producer import Membership
from tests.offline import Record, worker_settings

MEMBER = Membership("shop", "member-1", 7)


def runtime_config():
    """Of an application `shop` without a Kafka."""
    return RuntimeConfig(worker_settings(application_id="shop"), "clicks", "changelog", {})


def never(partition, position):
    """No chunk is lost here."""
    raise AssertionError(f"rewound {partition} to {position}")


class Log:
    """Commits nothing anywhere; remembers what was asked of it."""

    def __init__(self):
        self.calls = []

    async def open(self):
        self.calls.append("open")

    async def take_over(self, changelog, membership, partitions):
        self.calls.append((changelog, membership, list(partitions)))
        return {}

    async def publish(self, parts, guard):
        self.calls.append(guard)
        return [0] * len(parts)

    async def close(self):
        self.calls.append("close")


class Nothing:
    """A processor without effects, that remembers what was opened."""

    def __init__(self):
        self.started = []

    def process(self, works):
        return [Effects(watermark=work.watermark) for work in works]

    def opened(self, partition, state):
        self.started.append(partition)

    def closed(self, partition): ...


class Store:
    """An empty store."""

    def partition(self, number):
        return self

    def get(self, keys):
        return [None] * len(keys)

    def compact(self): ...

    def write(self, pairs, persisted): ...


class SlowBroker:
    """Answers when it is let to."""

    def __init__(self):
        self.answer, self.asked = threading.Event(), threading.Event()
        self.answer.set()

    def __call__(self, names):
        self.asked.set()
        assert self.answer.wait(20)
        ends = {0: 9, 1: 9}
        return {"clicks": ("clicks-1", ends), "changelog": ("changelog-1", ends)}


async def overtaken(processor):
    """A runtime whose first recovery still asks the broker when the partitions have changed."""
    broker = SlowBroker()
    runtime = Runtime(runtime_config(), processor, broker, Log())
    await runtime.open([0, 1], MEMBER, never)
    runtime.restored = True
    broker.answer.clear()
    broker.asked.clear()
    late = asyncio.create_task(runtime.recovered(Store()))
    await asyncio.to_thread(broker.asked.wait, 20)
    await runtime.close()
    opening = asyncio.create_task(runtime.open([1], MEMBER, never))
    broker.answer.set()
    await opening
    return runtime, await late


async def test_a_recovery_that_was_overtaken_starts_nothing():
    processor = Nothing()
    runtime, positions = await overtaken(processor)
    assert (positions, processor.started, runtime.ready, runtime.restored) == ({}, [], False, False)
    await runtime.close()


async def test_the_recovery_of_what_is_owned_now_does_start_it():
    processor = Nothing()
    runtime, _ = await overtaken(processor)
    assert await runtime.recovered(Store()) == {1: 0}
    assert (processor.started, runtime.ready) == ([1], True)
    await runtime.close()


async def test_an_assignment_is_not_ready_by_what_was_ready_before_it():
    """A recovery that ends between revocation and assignment finds nothing to start, and is done with it."""
    processor = Nothing()
    runtime = Runtime(runtime_config(), processor, SlowBroker(), Log())
    assert await runtime.recovered(Store()) == {}
    assert runtime.ready
    await runtime.open([0], MEMBER, never)
    assert not runtime.ready
    await runtime.recovered(Store())
    assert processor.started == [0]
    await runtime.close()


@pytest.fixture
def app(tmp_path):
    runtime = Runtime(runtime_config(), Nothing(), SlowBroker(), Log())
    return apps.build(runtime, bootstrap="localhost:1", partitions=1, datadir=tmp_path)


@pytest.mark.parametrize(
    ("owned", "called_for", "restored"), [(True, False, True), (False, False, False), (True, True, False)]
)
async def test_a_recovery_is_believed_of_what_is_owned_until_the_next_is_called_for(
    app, owned, called_for, restored
):
    runtime, next_one = app.pathcast, app.tables.recovery.signal_recovery_start
    runtime.partitions = {0: None} if owned else {}
    if called_for:
        next_one.set()
    await app.pathcast_table.on_recovery_completed(set(), set())
    assert runtime.restored is restored


async def test_a_recovery_that_waits_in_vain_ends_the_process(app):
    with pytest.raises(recovery.ServiceStopped):
        await app.tables.recovery._wait(asyncio.sleep(60), timeout=0.01)
    assert "Kafka did not answer within 0.01 s" in str(app.pathcast.failure)


def test_a_recovery_still_knows_which_generation_it_is_of():
    """`streams.transport.app` compares the two, so that a recovery that was overtaken is not believed."""
    assert "self._generation_id = generation_id" in inspect.getsource(recovery.Recovery.on_rebalance)
    listener = inspect.getsource(driver.ConsumerRebalanceListener.on_partitions_assigned)
    assert "consumer_generation_id = generation" in listener


async def test_a_shutdown_waits_for_the_revocation_that_is_under_way():
    """Whoever closes returns when the cycle in flight is through, since the stores are closed next."""
    runtime = Runtime(runtime_config(), Nothing(), SlowBroker(), Log())
    await runtime.open([0], MEMBER, never)
    await runtime.recovered(Store())
    entered, gate = asyncio.Event(), asyncio.Event()

    async def slow(parts, guard):
        entered.set()
        await gate.wait()
        return [0] * len(parts)

    runtime._log.publish = slow
    runtime.offer(Chunk("clicks", 0, 0, 1000, 0, 1, [Record(0, 1000, b"a", b"1")], runtime.current(0), 0.0))
    await entered.wait()
    closings = [asyncio.create_task(runtime.close()) for _ in range(2)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(closing.done() for closing in closings)
    gate.set()
    await asyncio.gather(*closings)
