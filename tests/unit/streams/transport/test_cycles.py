"""Cycles over real RocksDB stores: what is applied, what is skipped, what is refused, what is committed."""

import asyncio
from types import SimpleNamespace

import pytest
import rocksdict

from streams.effects import Effects
from streams.errors import TransactionError
from streams.inputs.chunks import Chunk, Epoch
from streams.storage.partition_store import PartitionStore, database_options
from streams.transport import partition as module
from streams.transport import state_checkpoint as checkpoints
from streams.transport.cycles import Cycles
from streams.transport.dispatch import INLINE_RECORDS, Processing
from streams.transport.partition import AssignedPartition
from streams.transport.state_checkpoint import CHECKPOINT_KEY, StateCheckpoint
from tests.offline import Record, worker_settings

TOPIC_ID = "topic-1"


class Log:
    """Keeps what was committed; `gate` holds a transaction open, `failure` lets it fail."""

    def __init__(self):
        self.transactions, self.offset = [], -1
        self.gate, self.entered, self.failure = None, asyncio.Event(), None

    async def publish(self, shares):
        parts = [share.messages("changelog") for share in shares]
        self.entered.set()
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        self.transactions.append({part.partition: (part.outputs, dict(part.state)) for part in parts})
        self.offset += 100
        return [self.offset + part.partition for part in parts]


class Sums:
    """A processor: each value is added to its key's sum and answered; b"poison" cannot be processed."""

    def __init__(self):
        self.calls, self.together, self.committed, self.sides, self.applied = [], [], 0, [], []
        self.timers = False

    def process(self, works):
        self.together.append([work.partition for work in works])
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
        return Effects(outputs, state, work.records[-1].timestamp, committed=self.count)

    def reject(self, work, error):
        (record,) = [*work.records, *(one for found in work.sides.values() for one in found)]
        return Effects({"dead": [(b"", record.value, [])]}, watermark=work.watermark)

    def count(self):
        self.committed += 1

    def opened(self, partition, state):
        self.state = state

    def closed(self, partition):
        self.state = None


class Bench:
    """Two partitions, their surroundings, and what they saw."""

    def __init__(self, tmp_path, settings=None, threads=0):
        self.settings, self.threads = settings or worker_settings(), threads
        self.sums, self.log, self.rewinds, self.losses = Sums(), Log(), [], []
        self.stores = [self.opened(tmp_path / str(number)) for number in range(2)]
        self.partitions = {number: self.assigned(number) for number in range(2)}
        self.cycles = self.started()

    def opened(self, path):
        return PartitionStore(rocksdict.Rdict(str(path), options=database_options(rocksdict.Cache(8 << 20))))

    def assigned(self, number):
        made = AssignedPartition(number, self.settings, self.rewind, lambda *loss: self.losses.append(loss))
        made.topic_id, made.changelog_id = TOPIC_ID, "changelog-1"
        state = made.recovered(self.stores[number], StateCheckpoint({TOPIC_ID: 10}, 5, 5), 1)
        self.sums.opened(number, state)
        return made

    def started(self):
        processing = Processing(self.sums, self.threads)
        return Cycles(self.partitions, processing, self.log.publish, self.settings.chunk_records)

    @property
    def first(self):
        return self.partitions[0]

    def rewind(self, partition, position):
        self.partitions[partition].seeks += 1
        self.rewinds.append((partition, position))

    def offer(self, start, values, end=None, epoch=None, key=b"a", partition=0, lost=0):
        """A fetched chunk of records from `start` on."""
        records = [Record(n, 1000 + n, key, value) for n, value in enumerate(values, start + lost)]
        end = end if end is not None else start + lost + len(records)
        epoch = epoch or Epoch(1, self.partitions[partition].seeks)
        chunk = Chunk("clicks", partition, end - 1, 1000, start, end, records, epoch, 0.0, lost=lost)
        self.partitions[partition].offer(chunk)

    async def settle(self):
        """Run until nothing waits."""
        task = asyncio.get_running_loop().create_task(self.cycles.run())
        while not task.done() and (any(one.waiting for one in self.partitions.values()) or self.cycles.busy):
            await asyncio.sleep(0)
        self.cycles.stop()
        await task
        self.cycles = self.started()

    async def tick(self):
        """One cycle in which both partitions have been idle for long enough."""
        for partition in self.partitions.values():
            partition.idle_at = 0.0
        if shares := await self.cycles._process():
            await self.cycles._settle(shares)

    def sum(self, key=b"a", partition=0):
        return int((self.stores[partition].get([key])[0] or b"0").decode())

    @property
    def stored(self):
        return checkpoints.decode(self.stores[0].get([CHECKPOINT_KEY])[0])

    @property
    def first_transactions(self):
        """Outputs and state of the first partition, by transaction."""
        return [parts[0] for parts in self.log.transactions if 0 in parts]

    def close(self):
        for store in self.stores:
            store.close()


@pytest.fixture
def bench(tmp_path):
    found = Bench(tmp_path)
    yield found
    found.close()


async def test_a_chunk_at_the_checkpoint_is_one_transaction_with_its_checkpoint(bench, clock):
    clock.now = 5_000
    bench.offer(10, [b"1", b"2", b"3"])
    await bench.settle()
    ((outputs, state),) = bench.first_transactions
    assert [value for _, value, _ in outputs["out"]] == [b"1", b"2", b"3"]
    assert (
        checkpoints.decode(state[CHECKPOINT_KEY])
        == StateCheckpoint({TOPIC_ID: 13}, 1012, 5_000)
        == bench.stored
    )
    assert (bench.sum(), bench.first.position, bench.first.committed_position) == (6, 13, 13)
    assert bench.sums.committed == 1
    known = bench.stores[0].persisted()
    assert known is not None
    assert (known.offset, known.topic_id) == (bench.log.offset, "changelog-1")


async def test_what_waits_for_all_partitions_is_one_call_and_one_transaction(bench):
    bench.offer(10, [b"1", b"2"])
    bench.offer(10, [b"4"], partition=1)
    await bench.settle()
    assert (bench.sum(), bench.sum(partition=1)) == (3, 4)
    assert sorted(bench.sums.together[0]) == [0, 1]
    assert [sorted(parts) for parts in bench.log.transactions] == [[0, 1]]
    assert [store.persisted().offset for store in bench.stores] == [99, 100]


async def test_a_loss_is_committed_with_its_position_and_told_once(bench):
    bench.offer(10, [b"1", b"2"], lost=30)
    await bench.settle()
    assert (bench.stored.positions, bench.stored.lost, bench.sum()) == ({TOPIC_ID: 42}, 30, 3)
    bench.offer(42, [b"1"])
    await bench.settle()
    assert (bench.stored.lost, bench.losses) == (30, [(0, 30)])


async def test_a_loss_without_a_record_is_committed_at_once(bench):
    bench.offer(10, [], end=15, lost=5)
    await bench.settle()
    assert (bench.stored.positions, bench.stored.lost, bench.losses) == ({TOPIC_ID: 15}, 5, [(0, 5)])
    assert bench.first_transactions == [({}, {CHECKPOINT_KEY: checkpoints.encode(bench.stored)})]


async def test_a_loss_is_not_told_before_its_commit(bench):
    bench.log.failure = TransactionError("refused")
    bench.offer(10, [b"1"], lost=5)
    with pytest.raises(TransactionError):
        await bench.settle()
    assert bench.losses == []


async def test_a_partition_that_was_never_read_commits_where_it_begins(bench):
    bench.first.recovered(bench.stores[0], StateCheckpoint(), 1, begin=7)
    await bench.settle()
    assert (bench.stored.positions, bench.stored.lost, bench.losses) == ({TOPIC_ID: 7}, 0, [])
    assert bench.first.position == 7
    await bench.settle()
    assert len(bench.first_transactions) == 1


async def test_records_below_the_checkpoint_are_skipped(bench):
    bench.offer(7, [b"1"] * 5)
    bench.offer(8, [b"1"] * 2)
    bench.offer(12, [b"1"])
    await bench.settle()
    assert (bench.sum(), bench.first.position) == (3, 13)
    assert bench.rewinds == []


async def test_a_chunk_above_the_checkpoint_rewinds_and_nothing_fetched_before_is_believed(bench):
    bench.offer(12, [b"1"])
    bench.offer(13, [b"1"])
    await bench.settle()
    assert (bench.sum(), bench.rewinds, bench.log.transactions) == (0, [(0, 10)], [])
    bench.offer(10, [b"5"] * 4, epoch=Epoch(1, 0))
    await bench.settle()
    assert bench.sum() == 0
    bench.offer(10, [b"1"] * 4)
    await bench.settle()
    assert (bench.sum(), bench.first.position) == (4, 14)


async def test_what_came_before_a_hole_is_applied(bench):
    bench.offer(10, [b"1", b"1"])
    bench.offer(15, [b"1"])
    await bench.settle()
    assert (bench.sum(), bench.first.position, bench.rewinds) == (2, 12, [(0, 12)])


async def test_chunks_of_an_older_group_epoch_are_dropped(bench):
    bench.offer(10, [b"1"], epoch=Epoch(0, 0))
    await bench.settle()
    assert (bench.sum(), bench.first.position, bench.log.transactions) == (0, 10, [])


async def test_control_records_and_holes_inside_a_span_are_passed(bench):
    bench.offer(10, [], end=20)
    await bench.settle()
    assert (bench.first.position, bench.log.transactions) == (20, [])
    bench.offer(20, [b"1"], end=25)
    await bench.settle()
    assert (bench.stored.positions[TOPIC_ID], bench.sum()) == (25, 1)


async def test_a_cycle_is_bounded_over_all_partitions_and_a_backlog_leaves_room(tmp_path):
    bench = Bench(tmp_path, worker_settings(chunk_records=8))
    bench.offer(10, [b"1"] * 30)
    bench.offer(10, [b"1"] * 2, partition=1)
    await bench.settle()
    assert [len(call) for call in bench.sums.calls] == [2, 6, 8, 8, 8]
    assert (bench.sum(), bench.sum(partition=1), bench.first.position) == (30, 2, 40)
    bench.close()


async def test_a_full_queue_says_so(tmp_path):
    bench = Bench(tmp_path, worker_settings(chunk_records=3))
    bench.offer(10, [b"1"] * 2)
    assert not bench.first.full
    bench.offer(12, [b"1"])
    assert bench.first.full
    await bench.settle()
    assert not bench.first.full
    bench.close()


async def test_a_poisonous_record_is_isolated_and_the_others_are_applied_once(bench):
    bench.offer(10, [b"1", b"2", b"4", b"poison", b"8", b"16", b"32"])
    bench.offer(10, [b"3"], partition=1)
    await bench.settle()
    (both,) = bench.log.transactions
    outputs, state = both[0]
    assert [value for _, value, _ in outputs["out"]] == [b"1", b"2", b"4", b"8", b"16", b"32"]
    assert [value for _, value, _ in outputs["dead"]] == [b"poison"]
    assert (bench.sum(), bench.first.position, bench.sum(partition=1)) == (63, 17, 3)
    assert checkpoints.decode(state[CHECKPOINT_KEY]).positions[TOPIC_ID] == 17


async def test_poison_keeps_the_span_behind_the_last_record(bench):
    bench.offer(10, [b"poison", b"poison"], end=15)
    await bench.settle()
    assert bench.stored.positions[TOPIC_ID] == 15


async def test_nothing_is_written_locally_when_the_transaction_fails(bench):
    bench.log.failure = TransactionError("fenced")
    bench.offer(10, [b"1"])
    with pytest.raises(TransactionError, match="fenced"):
        await bench.settle()
    assert (bench.sum(), bench.first.committed_position, bench.sums.committed) == (0, 10, 0)
    assert bench.stores[0].persisted() is None


async def test_a_failed_transaction_ends_cycles_though_nothing_else_arrives(bench):
    bench.log.gate, bench.log.failure = asyncio.Event(), TransactionError("fenced")
    running = asyncio.create_task(bench.cycles.run())
    bench.offer(10, [b"1"])
    await bench.log.entered.wait()
    bench.log.gate.set()
    with pytest.raises(TransactionError, match="fenced"):
        await asyncio.wait_for(running, 5)


@pytest.mark.parametrize("threads", [0, 1])
async def test_the_next_cycle_is_processed_while_one_commits_and_sees_its_result(tmp_path, threads):
    bench = Bench(tmp_path, threads=threads)
    bench.log.gate, most = asyncio.Event(), INLINE_RECORDS + 1
    running = asyncio.create_task(bench.cycles.run())
    bench.offer(10, [b"1"])
    await bench.log.entered.wait()
    bench.offer(11, [b"1"] * most)
    while len(bench.sums.calls) < 2:
        await asyncio.sleep(0)
    assert (bench.sum(), bench.log.transactions) == (0, [])
    bench.log.gate.set()
    while len(bench.log.transactions) < 2:
        await asyncio.sleep(0)
    bench.cycles.stop()
    await running
    assert bench.sum() == 1 + most
    assert [state[b"a"] for _, state in bench.first_transactions] == [b"1", str(1 + most).encode()]
    bench.close()


async def test_a_few_clicks_wait_for_the_transaction_in_flight(bench):
    bench.log.gate = asyncio.Event()
    running = asyncio.create_task(bench.cycles.run())
    bench.offer(10, [b"1"])
    await bench.log.entered.wait()
    for offset in range(11, 15):
        bench.offer(offset, [b"1"])
        await asyncio.sleep(0)
    assert len(bench.sums.calls) == 1
    bench.log.gate.set()
    while len(bench.log.transactions) < 2:
        await asyncio.sleep(0)
    bench.cycles.stop()
    await running
    assert [len(call) for call in bench.sums.calls] == [1, 4]


async def test_stopping_waits_for_the_transaction_in_flight_and_commits_nothing_else(bench):
    bench.log.gate = asyncio.Event()
    running = asyncio.create_task(bench.cycles.run())
    bench.offer(10, [b"1"])
    await bench.log.entered.wait()
    bench.offer(11, [b"1"])
    bench.cycles.stop()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not running.done()
    bench.log.gate.set()
    await running
    assert (bench.sum(), len(bench.log.transactions)) == (1, 1)


@pytest.fixture
def clock(monkeypatch):
    """Wall clock of the partition, in ms."""
    found = SimpleNamespace(now=0)
    fake = SimpleNamespace(time=lambda: found.now / 1000, monotonic=lambda: 0.0)
    monkeypatch.setattr(module, "time", fake)
    return found


async def test_an_idle_partitions_event_time_follows_the_clock(bench, clock):
    bench.sums.timers = True
    bench.first.checkpoint = StateCheckpoint({TOPIC_ID: 10}, watermark=500_000, clock=700_000)
    clock.now = 700_000 + 60_000 + 5_000
    await bench.tick()
    # 65 s after its last record, of which the first 60 are not idleness yet.
    assert bench.stores[0].get([b"ticked"]) == [b"505000"]
    assert bench.stored == StateCheckpoint({TOPIC_ID: 10}, 505_000, 705_000)
    clock.now += 10_000
    await bench.tick()
    assert bench.stored == StateCheckpoint({TOPIC_ID: 10}, 515_000, 715_000)


async def test_a_record_that_is_stamped_a_year_ago_does_not_move_time(bench, clock):
    bench.sums.timers, clock.now = True, 10**12
    bench.first.checkpoint = StateCheckpoint({TOPIC_ID: 10}, 500_000, 10**12 - 1_000)
    year_old = Record(10, 10**12 - 365 * 86_400_000, b"a", b"1")
    bench.first.offer(Chunk("clicks", 0, 10, 1000, 10, 11, [year_old], Epoch(1, 0), 0.0))
    await bench.settle()
    assert bench.stored.clock == 10**12
    clock.now += 61_000
    await bench.tick()
    assert bench.stored.watermark == bench.first.checkpoint.watermark
    assert bench.stored.clock == 10**12 + 1_000


async def test_a_tick_that_changes_nothing_writes_nothing(bench, clock):
    bench.first.checkpoint = StateCheckpoint({TOPIC_ID: 10}, 500_000, 700_000)
    clock.now = 900_000
    await bench.tick()
    assert (bench.log.transactions, bench.first.checkpoint) == (
        [],
        StateCheckpoint({TOPIC_ID: 10}, 500_000, 700_000),
    )


async def test_a_partition_that_never_had_a_record_does_not_tick(bench, clock):
    bench.sums.timers = True
    for partition in bench.partitions.values():
        partition.checkpoint = StateCheckpoint()
    clock.now = 10**12
    await bench.tick()
    assert bench.sums.calls == []


async def test_time_does_not_go_back_on_a_tick(bench, clock):
    bench.sums.timers = True
    for partition in bench.partitions.values():
        partition.checkpoint = StateCheckpoint({TOPIC_ID: 10}, 500_000, 700_000)
    clock.now = 650_000
    await bench.tick()
    assert bench.sums.calls == []


async def test_a_closed_partition_does_not_tick(bench, clock):
    bench.sums.timers = True
    clock.now = 10**12
    for partition in bench.partitions.values():
        partition.close()
    await bench.tick()
    assert bench.log.transactions == []


async def test_an_idle_partition_ticks_beside_a_busy_one(bench, clock):
    bench.sums.timers = True
    bench.partitions[1].checkpoint = StateCheckpoint({TOPIC_ID: 10}, 500_000, 700_000)
    bench.partitions[1].idle_at = bench.first.idle_at = 0.0
    clock.now = 900_000
    bench.offer(10, [b"1"])
    await bench.settle()
    assert bench.log.transactions[0].keys() == {0, 1}
    assert bench.stores[1].get([b"ticked"]) != [None]
