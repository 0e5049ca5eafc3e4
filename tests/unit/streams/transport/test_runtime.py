"""The assigned partitions of a process, and the spans of what it fetches; only Kafka is made up."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace

import pytest
import rocksdict
from faust.types import TP

from streams.effects import Effects
from streams.errors import PositionError
from streams.inputs.chunks import Chunk, Epoch
from streams.storage.partition_store import PartitionStore, Persisted, database_options
from streams.transport import runtime as module
from streams.transport import state_checkpoint as checkpoints
from streams.transport.consumer import Consumer
from streams.transport.runtime import Runtime, RuntimeConfig
from streams.transport.state_checkpoint import CHECKPOINT_KEY, StateCheckpoint
from tests.offline import Record, worker_settings

CLICKS = TP("clicks", 0)


def runtime_config():
    """Of an application `shop` without a Kafka."""
    return RuntimeConfig(worker_settings(application_id="shop"), "clicks", "changelog", {})


def never(partition, position):
    """No chunk is lost here."""
    raise AssertionError(f"rewound {partition} to {position}")


class Producer:
    """Commits nothing anywhere; remembers its id and its end."""

    made: list["Producer"]

    def __init__(self, identity, partition, timeout_ms, connection):
        self.identity, self.opened, self.closed = identity, False, False
        self.producer_id = 100 + partition
        Producer.made.append(self)

    async def open(self):
        self.opened = True

    async def publish(self, outputs, changelog, state, routed=()):
        return 0

    async def close(self):
        self.closed = True


class Nothing:
    """A processor without effects."""

    def process(self, works):
        return [Effects(watermark=work.watermark) for work in works]

    def opened(self, partition, state): ...

    def closed(self, partition): ...


class Broker:
    """The broker's view: ids and ends of clicks and changelog."""

    def __init__(self):
        self.clicks, self.end = "clicks-1", 100

    def __call__(self, names):
        return {
            "clicks": (self.clicks, {0: self.end, 1: self.end}),
            "changelog": ("changelog-1", {0: 5, 1: 5}),
        }


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def runtime(broker, monkeypatch):
    Producer.made = []
    monkeypatch.setattr(module, "PartitionProducer", Producer)
    return Runtime(runtime_config(), Nothing(), broker)


@pytest.fixture
def store(tmp_path):
    """Stores by partition, whose checkpoints can be set."""
    found = {}
    for number in (0, 1):
        path, cache = str(tmp_path / str(number)), rocksdict.Cache(8 << 20)
        found[number] = PartitionStore(rocksdict.Rdict(path, options=database_options(cache)))
    yield SimpleNamespace(partition=found.__getitem__)
    for one in found.values():
        one.close()


def checkpoint(store, number, positions):
    value = checkpoints.encode(StateCheckpoint(positions))
    store.partition(number).write([(CHECKPOINT_KEY, value)], Persisted(0, "changelog-1", 1))


async def test_positions_come_from_the_checkpoints(runtime, store):
    checkpoint(store, 1, {"clicks-1": 42})
    await runtime.open([0, 1], never)
    assert await runtime.recovered(store) == {0: 0, 1: 42}
    assert runtime.ready
    await runtime.close()


async def test_forgotten_transactions_are_ended_once_predecessors_are_fenced(runtime):
    asked = []
    runtime._finish = lambda changelog, owned: asked.append(
        (changelog, owned, [one.opened for one in Producer.made])
    )
    await runtime.open([0, 1], never)
    assert asked == [("changelog", {0: 100, 1: 101}, [True, True])]
    await runtime.close()


async def test_predecessors_are_fenced_by_application_and_partition(runtime):
    await runtime.open([0, 1], never)
    assert [(one.identity, one.opened) for one in Producer.made] == [("shop-0", True), ("shop-1", True)]
    assert runtime.changelog_id == "changelog-1"
    await runtime.close()


@pytest.mark.parametrize("positions", [{"clicks-0": 42}, {"clicks-1": 101}], ids=["recreated", "truncated"])
async def test_a_checkpoint_of_another_topic_is_refused_before_anything_is_applied(runtime, store, positions):
    checkpoint(store, 0, positions)
    await runtime.open([0], never)
    with pytest.raises(PositionError, match="pathcast state rebase"):
        await runtime.recovered(store)
    assert not runtime.ready
    await runtime.close()


async def test_a_topic_recreated_under_a_running_worker_is_noticed(runtime, store, broker):
    await runtime.open([0], never)
    await runtime.recovered(store)
    await runtime.verify()
    broker.clicks = "clicks-2"
    with pytest.raises(PositionError, match="was recreated"):
        await runtime.verify()
    await runtime.close()


async def test_closing_ends_the_epoch_and_the_producers(runtime, store):
    await runtime.open([0], never)
    await runtime.recovered(store)
    before = runtime.current(0)
    await runtime.close()
    assert (runtime.partitions, runtime.ready, runtime.restored) == ({}, False, False)
    assert runtime.current(0) == Epoch(before.group + 1, 0)
    assert all(one.closed for one in Producer.made)
    assert runtime.offer(None, Chunk("clicks", 0, 0, 0, 0, 1, (), before, 0.0)) is False


async def test_a_rewind_makes_what_is_being_fetched_stale(runtime, store):
    rewinds = []
    await runtime.open([0], lambda partition, position: rewinds.append((partition, position)))
    await runtime.recovered(store)
    before = runtime.current(0)
    runtime.offer(SimpleNamespace(ack=lambda: None), Chunk("clicks", 0, 8, 0, 7, 9, (), before, 0.0))
    while not rewinds:
        await asyncio.sleep(0)
    assert rewinds == [(0, 0)]
    assert runtime.current(0) == Epoch(before.group, 1)
    await runtime.close()


def test_the_first_failure_ends_the_process(broker):
    failures = []
    runtime = Runtime(runtime_config(), Nothing(), broker, on_failure=failures.append)
    runtime.ready = True
    first = PositionError("first")
    runtime.fail(first)
    runtime.fail(PositionError("second"))
    assert (failures, runtime.failure, runtime.ready) == ([first], first, False)


def test_an_unknown_partition_is_never_full(runtime):
    assert not runtime.is_full(7)


@pytest.fixture
def consumer():
    """Only what spans and commits are computed from."""
    made = object.__new__(Consumer)
    made.positions = {CLICKS: None}
    made._thread = SimpleNamespace(position_now=made.positions.get)
    made._chain, made._chain_epoch = {}, 0
    made.runtime = SimpleNamespace(epoch=0, config=SimpleNamespace(topic=CLICKS.topic))
    made._acked, made._acked_index = defaultdict(list), defaultdict(set)
    return made


def fetched(*offsets):
    return [Record(offset, 0, b"", b"") for offset in offsets]


def test_a_span_starts_where_the_one_before_ended(consumer):
    consumer.positions[CLICKS] = 8
    assert consumer._span(CLICKS, 5, fetched(5, 6)) == (5, 8)
    consumer.positions[CLICKS] = 12
    assert consumer._span(CLICKS, 10, fetched(10, 11)) == (8, 12)


def test_a_span_of_the_changelog_starts_where_recovery_has_sought(consumer):
    changelog = TP("changelog", 0)
    consumer.positions[changelog] = 8
    assert consumer._span(changelog, 5, fetched(5, 6)) == (5, 8)
    consumer.positions[changelog] = 4
    assert consumer._span(changelog, 2, fetched(2, 3)) == (2, 4)


def test_a_position_that_moved_without_records_is_a_span(consumer):
    consumer.positions[CLICKS] = 9
    assert consumer._span(CLICKS, 7, None) == (7, 9)
    assert consumer._span(CLICKS, 9, None) is None


def test_a_fetch_before_the_position_was_known_starts_at_its_first_record(consumer):
    assert consumer._span(CLICKS, None, None) is None
    assert consumer._span(CLICKS, None, fetched(3, 4)) == (3, 5)


def test_a_new_epoch_forgets_where_spans_ended(consumer):
    consumer.positions[CLICKS] = 8
    consumer._span(CLICKS, 5, fetched(5))
    consumer.runtime.epoch = 1
    consumer._forget_chain()
    consumer.positions[CLICKS] = 3
    assert consumer._span(CLICKS, 2, fetched(2)) == (2, 3)


def test_the_offset_to_commit_is_the_end_of_the_last_chunk(consumer):
    assert consumer._new_offset(CLICKS) is None
    consumer._acked[CLICKS] = [9, 4]
    consumer._acked_index[CLICKS] = {4, 9}
    assert consumer._new_offset(CLICKS) == 10
    assert (consumer._acked[CLICKS], consumer._acked_index[CLICKS]) == ([], set())
    assert consumer._new_offset(CLICKS) is None
