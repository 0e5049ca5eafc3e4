"""The assigned partitions of a process, and the spans of what it fetches; only Kafka is made up."""

import asyncio
from functools import partial
from types import SimpleNamespace

import pytest
import rocksdict
from faust.types import TP

from streams.effects import Effects
from streams.errors import PositionError
from streams.inputs.chunks import Chunk, Epoch
from streams.inputs.lost_clicks import LostClicks
from streams.storage.partition_store import PartitionStore, Persisted, database_options
from streams.transport import state_checkpoint as checkpoints
from streams.transport.consumer import Consumer
from streams.transport.runtime import Runtime
from streams.transport.runtime_config import RuntimeConfig
from streams.transport.state_checkpoint import CHECKPOINT_KEY, StateCheckpoint
from streams.transport.worker_producer import Guard, Membership
from tests.offline import Record, worker_settings

CLICKS = TP("clicks", 0)

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
        self.calls, self.known = [], {}

    async def open(self):
        self.calls.append("open")

    async def take_over(self, changelog, membership, partitions):
        self.calls.append((changelog, membership, list(partitions)))
        return self.known

    async def publish(self, parts, guard):
        self.calls.append(guard)
        return [0] * len(parts)

    async def close(self):
        self.calls.append("close")


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
def runtime(broker):
    return Runtime(runtime_config(), Nothing(), broker, Log())


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
    await runtime.open([0, 1], MEMBER, never)
    assert await runtime.recovered(store) == {0: 0, 1: 42}
    assert runtime.ready
    await runtime.close()


async def test_partitions_start_once_where_two_ask_for_their_positions(runtime, store, broker):
    """Recovery asks, and so does a fetch that it discards: the later one must not see the state move on."""
    checkpoint(store, 1, {"clicks-1": 42})
    await runtime.open([0, 1], MEMBER, never)

    async def begins(seconds, partitions):
        await asyncio.sleep(seconds)
        return dict.fromkeys(partitions, 0)

    first, second = (
        asyncio.create_task(runtime.recovered(store, partial(begins, seconds))) for seconds in (0.01, 0.3)
    )
    assert await first == {0: 0, 1: 42}
    cycles = runtime.cycles
    checkpoint(store, 1, {"clicks-1": broker.end + 1})
    assert await second == {0: 0, 1: 42}
    assert runtime.cycles is cycles
    await runtime.close()


async def test_partitions_are_taken_over_with_the_membership_of_their_assignment(runtime):
    await runtime.open([0, 1], MEMBER, never)
    assert runtime._log.calls == [("changelog", MEMBER, [0, 1])]
    assert runtime.changelog_id == "changelog-1"
    await runtime.close()


async def test_transactions_are_guarded_by_that_membership(runtime, store):
    checkpoint(store, 1, {"clicks-1": 42})
    await runtime.open([0, 1], MEMBER, never)
    await runtime.recovered(store)
    for number, start in ((0, 0), (1, 42)):
        records = [Record(start, 1000, b"a", b"1")]
        runtime.offer(
            Chunk("clicks", number, start, 1000, start, start + 1, records, runtime.current(0), 0.0)
        )
    while len(runtime._log.calls) < 2:
        await asyncio.sleep(0)
    assert runtime._log.calls[1] == Guard(MEMBER, "clicks", {0: 1, 1: 43})
    await runtime.close()


async def test_a_state_behind_the_groups_position_is_refused(runtime, store):
    """A commit was lost: its clicks are answered, and its state is not there."""
    checkpoint(store, 0, {"clicks-1": 42})
    runtime._log.known = {0: 43}
    await runtime.open([0], MEMBER, never)
    with pytest.raises(PositionError, match="was answered up to 43, its state has read up to 42"):
        await runtime.recovered(store)
    await runtime.close()


@pytest.mark.parametrize(("known", "ahead"), [(-1, False), (41, True), (42, False), (43, False)])
async def test_a_store_with_an_aborted_transaction_is_ahead_of_the_group(runtime, store, known, ahead):
    checkpoint(store, 0, {"clicks-1": 42})
    runtime._log.known = {0: known}
    await runtime.open([0], MEMBER, never)
    assert runtime.is_ahead(0, store.partition(0)) is ahead
    await runtime.close()


async def test_an_unreadable_checkpoint_is_refused_and_not_wiped(runtime, store):
    store.partition(0).write([(CHECKPOINT_KEY, b"?")], Persisted(0, "changelog-1", 1))
    runtime._log.known = {0: 1}
    await runtime.open([0], MEMBER, never)
    assert not runtime.is_ahead(0, store.partition(0))
    with pytest.raises(PositionError, match="unreadable checkpoint"):
        await runtime.recovered(store)
    await runtime.close()


async def test_the_log_outlives_an_assignment(runtime):
    await runtime.start()
    await runtime.open([0], MEMBER, never)
    await runtime.close()
    await runtime.open([1], MEMBER, never)
    assert sorted(runtime.partitions) == [1]
    await runtime.close()
    await runtime.stop()
    assert [call for call in runtime._log.calls if isinstance(call, str)] == ["open", "close"]


@pytest.mark.parametrize("positions", [{"clicks-0": 42}, {"clicks-1": 101}], ids=["recreated", "truncated"])
async def test_a_checkpoint_of_another_topic_is_refused_before_anything_is_applied(runtime, store, positions):
    checkpoint(store, 0, positions)
    await runtime.open([0], MEMBER, never)
    with pytest.raises(PositionError, match="pathcast state rebase"):
        await runtime.recovered(store)
    assert not runtime.ready
    await runtime.close()


async def test_a_topic_recreated_under_a_running_worker_is_noticed(runtime, store, broker):
    await runtime.open([0], MEMBER, never)
    await runtime.recovered(store)
    await runtime.verify()
    broker.clicks = "clicks-2"
    with pytest.raises(PositionError, match="was recreated"):
        await runtime.verify()
    await runtime.close()


async def test_closing_ends_the_epoch(runtime, store):
    await runtime.open([0], MEMBER, never)
    await runtime.recovered(store)
    before = runtime.current(0)
    await runtime.close()
    assert (runtime.partitions, runtime.ready, runtime.restored) == ({}, False, False)
    assert runtime.current(0) == Epoch(before.group + 1, 0)
    runtime.offer(Chunk("clicks", 0, 0, 0, 0, 1, (), before, 0.0))  # is dropped


async def test_a_rewind_makes_what_is_being_fetched_stale(runtime, store):
    rewinds = []
    await runtime.open([0], MEMBER, lambda partition, position: rewinds.append((partition, position)))
    await runtime.recovered(store)
    before = runtime.current(0)
    runtime.offer(Chunk("clicks", 0, 8, 0, 7, 9, (), before, 0.0))
    while not rewinds:
        await asyncio.sleep(0)
    assert rewinds == [(0, 0)]
    assert runtime.current(0) == Epoch(before.group, 1)
    await runtime.close()


def test_the_first_failure_ends_the_process(broker):
    failures = []
    runtime = Runtime(runtime_config(), Nothing(), broker, Log(), on_failure=failures.append)
    runtime.ready = True
    first = PositionError("first")
    runtime.fail(first)
    runtime.fail(PositionError("second"))
    assert (failures, runtime.failure, runtime.ready) == ([first], first, False)


def test_an_unknown_partition_is_never_full(runtime):
    assert not runtime.is_full(7)


@pytest.fixture
def consumer():
    """Only what spans are computed from."""
    made = object.__new__(Consumer)
    made.positions = {CLICKS: None}
    made._thread = SimpleNamespace(position_now=made.positions.get)
    made._losses = LostClicks(made._thread)
    made._chain, made._chain_epoch = {}, 0
    made.runtime = SimpleNamespace(epoch=0, config=SimpleNamespace(topic=CLICKS.topic))
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


async def test_faust_commits_nothing(consumer):
    """The transactions commit positions; a commit beside them could go back."""
    assert await consumer.commit() is False
