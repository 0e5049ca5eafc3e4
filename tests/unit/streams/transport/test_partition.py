"""One assigned partition over a real RocksDB: what is applied, what is skipped, what is refused."""

import asyncio
from types import SimpleNamespace

import pytest
import rocksdict

from streams.effects import Effects
from streams.errors import TransactionError
from streams.inputs.batches import CLICKS, InputBatch, Part
from streams.inputs.chunks import Chunk, Epoch
from streams.storage.partition_store import PartitionStore, database_options
from streams.transport import partition as module
from streams.transport import state_checkpoint as checkpoints
from streams.transport.dispatch import Processing
from streams.transport.partition import PartitionTask
from streams.transport.state_checkpoint import CHECKPOINT_KEY, StateCheckpoint
from tests.offline import Record, worker_settings

TOPIC_ID = "topic-1"


class Producer:
    """Keeps what was committed; `gate` holds a transaction open, `failure` lets it fail."""

    def __init__(self):
        self.transactions, self.offset = [], -1
        self.gate, self.entered, self.failure, self.closed = None, asyncio.Event(), None, False

    async def publish(self, outputs, changelog, state, routed=()):
        self.entered.set()
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        state = list(state)
        self.transactions.append((outputs, dict(state)))
        self.offset += len(state)
        return self.offset

    async def close(self):
        self.closed = True


class Sums:
    """A processor: each value is added to its key's sum and answered; b"poison" cannot be processed."""

    def __init__(self):
        self.calls, self.committed, self.sides, self.applied = [], 0, [], []
        self.timers = False

    def process(self, works):
        return [self.summed(work) for work in works]

    def summed(self, work):
        values = [record.value for record in work.records]
        self.calls.append(values)
        sides = {topic: [record.value for record in work.sides[topic]] for topic in sorted(work.sides)}
        self.sides += [sides] if sides else []
        beside = [value for found in sides.values() for value in found]
        if b"poison" in (*values, *beside):
            raise ArithmeticError("poison")
        self.applied += beside
        if beside and not work.records:
            return Effects({}, [], work.watermark)
        if not work.records:
            state = [(b"ticked", str(work.idle_to).encode())] if self.timers else []
            return Effects({}, state, work.idle_to)
        sums = {}
        for record in work.records:
            before = sums.get(record.key, int((work.state.get([record.key])[0] or b"0").decode()))
            sums[record.key] = before + int(record.value)
        outputs = {"out": [(record.key, record.value, []) for record in work.records]}
        state = [(key, str(value).encode()) for key, value in sums.items()]
        return Effects(outputs, state, work.records[-1].timestamp, self.count)

    def reject(self, work, error):
        (record,) = [*work.records, *(one for found in work.sides.values() for one in found)]
        return Effects({"dead": [(b"", record.value, [])]}, watermark=work.watermark)

    def count(self):
        self.committed += 1

    def opened(self, partition, state):
        self.state = state

    def closed(self, partition):
        self.state = None


class Handle:
    """Faust's event: remembers that it was acknowledged."""

    def __init__(self):
        self.acked = 0

    def ack(self):
        self.acked += 1


class Bench:
    """A partition, its surroundings, and what they saw."""

    def __init__(self, tmp_path, settings=None, threads=0):
        db = rocksdict.Rdict(str(tmp_path / "db"), options=database_options(rocksdict.Cache(8 << 20)))
        self.store, self.sums, self.producer, self.rewinds = PartitionStore(db), Sums(), Producer(), []
        self.task = PartitionTask(
            0, self.producer, Processing(self.sums, threads), settings or worker_settings(), self.rewind
        )
        self.task.topic_id, self.task.changelog, self.task.changelog_id = (
            TOPIC_ID,
            "changelog",
            "changelog-1",
        )
        self.task.recovered(self.store, StateCheckpoint({TOPIC_ID: 10}, 5, 5), 1)

    def rewind(self, partition, position):
        self.task.seeks += 1
        self.rewinds.append((partition, position))

    def offer(self, start, values, end=None, epoch=None, key=b"a"):
        """A fetched chunk of records from `start` on; its handle."""
        records = [Record(n, 1000 + n, key, value) for n, value in enumerate(values, start)]
        end = end if end is not None else start + len(records)
        epoch = epoch or Epoch(1, self.task.seeks)
        handle = Handle()
        self.task.offer(handle, Chunk("clicks", 0, end - 1, 1000, start, end, records, epoch, 0.0))
        return handle

    async def settle(self):
        """Run until the queue is empty."""
        task = asyncio.get_running_loop().create_task(self.task.run())
        while self.task._queue or self.task._arrived.is_set():
            await asyncio.sleep(0)
            if task.done():
                break
        if task.done():
            await task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def sum(self, key=b"a"):
        return int((self.store.get([key])[0] or b"0").decode())

    @property
    def stored(self):
        return checkpoints.decode(self.store.get([CHECKPOINT_KEY])[0])


@pytest.fixture
def bench(tmp_path):
    found = Bench(tmp_path)
    yield found
    found.store.close()


async def test_a_chunk_at_the_checkpoint_is_one_transaction_with_its_checkpoint(bench, clock):
    clock.now = 5_000
    handle = bench.offer(10, [b"1", b"2", b"3"])
    await bench.settle()
    ((outputs, state),) = bench.producer.transactions
    assert [value for _, value, _ in outputs["out"]] == [b"1", b"2", b"3"]
    assert (
        checkpoints.decode(state[CHECKPOINT_KEY])
        == StateCheckpoint({TOPIC_ID: 13}, 1012, 5_000)
        == bench.stored
    )
    assert (bench.sum(), bench.task.position, handle.acked, bench.sums.committed) == (6, 13, 1, 1)
    known = bench.store.persisted()
    assert known is not None
    assert (known.offset, known.topic_id) == (bench.producer.offset, "changelog-1")


async def test_records_below_the_checkpoint_are_skipped(bench):
    handles = [bench.offer(7, [b"1"] * 5), bench.offer(8, [b"1"] * 2), bench.offer(12, [b"1"])]
    await bench.settle()
    assert (bench.sum(), bench.task.position) == (3, 13)
    assert [handle.acked for handle in handles] == [1, 1, 1]
    assert bench.rewinds == []


async def test_a_chunk_above_the_checkpoint_rewinds_and_nothing_fetched_before_is_believed(bench):
    lost = [bench.offer(12, [b"1"]), bench.offer(13, [b"1"])]
    await bench.settle()
    assert (bench.sum(), bench.rewinds, bench.producer.transactions) == (0, [(0, 10)], [])
    stale = bench.offer(10, [b"5"] * 4, epoch=Epoch(1, 0))
    await bench.settle()
    assert (bench.sum(), stale.acked) == (0, 0)
    bench.offer(10, [b"1"] * 4)
    await bench.settle()
    assert (bench.sum(), bench.task.position, [handle.acked for handle in lost]) == (4, 14, [0, 0])


async def test_what_came_before_a_hole_is_applied(bench):
    bench.offer(10, [b"1", b"1"])
    bench.offer(15, [b"1"])
    await bench.settle()
    assert (bench.sum(), bench.task.position, bench.rewinds) == (2, 12, [(0, 12)])


async def test_chunks_of_an_older_group_epoch_are_dropped(bench):
    bench.offer(10, [b"1"], epoch=Epoch(0, 0))
    await bench.settle()
    assert (bench.sum(), bench.task.position, bench.producer.transactions) == (0, 10, [])


async def test_control_records_and_holes_inside_a_span_are_passed(bench):
    handle = bench.offer(10, [], end=20)
    await bench.settle()
    assert (bench.task.position, bench.producer.transactions, handle.acked) == (20, [], 1)
    bench.offer(20, [b"1"], end=25)
    await bench.settle()
    assert (bench.stored.positions[TOPIC_ID], bench.sum()) == (25, 1)


async def test_queued_chunks_share_a_transaction_up_to_the_bound(tmp_path):
    bench = Bench(tmp_path, worker_settings(chunk_records=5))
    for start in range(10, 22, 2):
        bench.offer(start, [b"1", b"1"])
    await bench.settle()
    assert [len(call) for call in bench.sums.calls] == [4, 4, 4]
    assert bench.sum() == 12
    bench.offer(22, [b"1"] * 9)
    await bench.settle()
    assert len(bench.sums.calls[-1]) == 9
    bench.store.close()


async def test_a_full_queue_says_so(tmp_path):
    bench = Bench(tmp_path, worker_settings(chunk_records=3))
    bench.offer(10, [b"1"] * 2)
    assert not bench.task.full
    bench.offer(12, [b"1"])
    assert bench.task.full
    await bench.settle()
    assert not bench.task.full
    bench.store.close()


async def test_a_poisonous_record_is_isolated_and_the_others_are_applied_once(bench):
    values = [b"1", b"2", b"4", b"poison", b"8", b"16", b"32"]
    handle = bench.offer(10, values)
    await bench.settle()
    out = [value for outputs, _ in bench.producer.transactions for _, value, _ in outputs.get("out", ())]
    dead = [value for outputs, _ in bench.producer.transactions for _, value, _ in outputs.get("dead", ())]
    assert out == [b"1", b"2", b"4", b"8", b"16", b"32"]
    assert dead == [b"poison"]
    assert (bench.sum(), bench.task.position, handle.acked) == (63, 17, 1)
    ends = [
        checkpoints.decode(state[CHECKPOINT_KEY]).positions[TOPIC_ID]
        for _, state in bench.producer.transactions
    ]
    assert ends == sorted(ends)
    assert ends[-1] == 17


async def test_poison_keeps_the_span_behind_the_last_record(bench):
    bench.offer(10, [b"poison", b"poison"], end=15)
    await bench.settle()
    assert bench.stored.positions[TOPIC_ID] == 15


async def test_nothing_is_written_locally_when_the_transaction_fails(bench):
    bench.producer.failure = TransactionError("fenced")
    handle = bench.offer(10, [b"1"])
    with pytest.raises(TransactionError, match="fenced"):
        await bench.settle()
    assert (bench.sum(), bench.task.position, handle.acked, bench.sums.committed) == (0, 10, 0, 0)
    assert bench.store.persisted() is None


async def test_revocation_waits_for_the_transaction_in_flight(bench):
    bench.producer.gate = asyncio.Event()
    running = asyncio.get_running_loop().create_task(bench.task.run())
    bench.offer(10, [b"1"])
    await bench.producer.entered.wait()
    later = bench.offer(11, [b"1"])
    closing = asyncio.get_running_loop().create_task(bench.task.close())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not closing.done()
    assert not bench.producer.closed
    bench.producer.gate.set()
    await closing
    assert (bench.sum(), later.acked, bench.producer.closed) == (1, 0, True)
    assert len(bench.producer.transactions) == 1
    running.cancel()


@pytest.fixture
def clock(monkeypatch):
    """Wall clock of the partition, in ms."""
    found = SimpleNamespace(now=0)
    fake = SimpleNamespace(time=lambda: found.now / 1000, monotonic=lambda: 0.0)
    monkeypatch.setattr(module, "time", fake)
    return found


async def test_an_idle_partitions_event_time_follows_the_clock(bench, clock):
    bench.sums.timers = True
    bench.task.checkpoint = StateCheckpoint({TOPIC_ID: 10}, watermark=500_000, clock=700_000)
    clock.now = 700_000 + 60_000 + 5_000
    await bench.task._tick()
    # 65 s after its last record, of which the first 60 are not idleness yet.
    assert bench.store.get([b"ticked"]) == [b"505000"]
    assert bench.stored == StateCheckpoint({TOPIC_ID: 10}, 505_000, 705_000)
    clock.now += 10_000
    await bench.task._tick()
    assert bench.stored == StateCheckpoint({TOPIC_ID: 10}, 515_000, 715_000)


async def test_a_record_that_is_stamped_a_year_ago_does_not_move_time(bench, clock):
    bench.sums.timers, clock.now = True, 10**12
    bench.task.checkpoint = StateCheckpoint({TOPIC_ID: 10}, 500_000, 10**12 - 1_000)
    year_old = Record(10, 10**12 - 365 * 86_400_000, b"a", b"1")
    await bench.task._transact(InputBatch([Part(CLICKS, TOPIC_ID, [year_old], 11)], 0.0))
    assert bench.stored.clock == 10**12
    clock.now += 61_000
    await bench.task._tick()
    assert bench.stored.watermark == bench.task.checkpoint.watermark
    assert bench.stored.clock == 10**12 + 1_000


async def test_a_tick_that_changes_nothing_writes_nothing(bench, clock):
    bench.task.checkpoint = StateCheckpoint({TOPIC_ID: 10}, 500_000, 700_000)
    clock.now = 900_000
    await bench.task._tick()
    assert (bench.producer.transactions, bench.task.checkpoint) == (
        [],
        StateCheckpoint({TOPIC_ID: 10}, 500_000, 700_000),
    )


async def test_a_partition_that_never_had_a_record_does_not_tick(bench, clock):
    bench.sums.timers, bench.task.checkpoint = True, StateCheckpoint()
    clock.now = 10**12
    await bench.task._tick()
    assert bench.sums.calls == []


async def test_time_does_not_go_back_on_a_tick(bench, clock):
    bench.sums.timers = True
    bench.task.checkpoint = StateCheckpoint({TOPIC_ID: 10}, 500_000, 700_000)
    clock.now = 650_000
    await bench.task._tick()
    assert bench.sums.calls == []


async def test_a_closed_partition_does_not_tick(bench, clock):
    bench.sums.timers = True
    bench.task.checkpoint = StateCheckpoint({TOPIC_ID: 10}, 500_000, 700_000)
    clock.now = 900_000
    await bench.task.close()
    await bench.task._tick()
    assert bench.producer.transactions == []
