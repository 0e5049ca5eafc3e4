"""Inputs beside clicks: what waits, what a transaction takes, and how a batch is divided."""

import asyncio

import pytest

from streams.inputs import side_inputs
from streams.inputs.batches import CLICKS, InputBatch, Part
from streams.inputs.side_inputs import SideInputs
from streams.transport import state_checkpoint as checkpoints
from streams.transport.state_checkpoint import CHECKPOINT_KEY, StateCheckpoint
from tests.offline import Record
from tests.unit.streams.transport.test_cycles import TOPIC_ID, Bench

IDS = {"identities": "identities-1", "profiles": "profiles-1"}


def records(start, *values):
    return [Record(number, 1000, b"a", value) for number, value in enumerate(values, start)]


@pytest.fixture
def sides():
    return SideInputs(IDS)


def test_a_topics_records_are_taken_in_order_and_the_position_is_the_readers(sides):
    sides.offer("profiles", records(3, b"1", b"2"), 9)
    sides.offer("profiles", records(9, b"3"), 10)
    (part,) = sides.take({})
    assert [record.value for record in part.records] == [b"1", b"2", b"3"]
    assert (part.topic, part.topic_id, part.end) == ("profiles", "profiles-1", 10)
    assert not sides.waiting


def test_what_the_position_covers_is_left_out(sides):
    sides.offer("identities", records(3, b"1", b"2", b"3"), 6)
    (part,) = sides.take({"identities-1": 5})
    assert ([record.offset for record in part.records], part.end) == ([5], 6)
    sides.offer("identities", records(3, b"1"), 4)
    assert sides.take({"identities-1": 6}) == []


def test_a_position_that_moved_without_records_is_a_part(sides):
    sides.offer("identities", [], 7)
    assert sides.take({"identities-1": 6}) == [Part("identities", "identities-1", [], 7)]


def test_a_hole_that_retention_has_made_is_passed(sides):
    sides.offer("identities", records(50, b"1"), 51)
    (part,) = sides.take({"identities-1": 6})
    assert (part.records[0].offset, part.end) == (50, 51)


def test_a_large_fetch_is_several_transactions_whose_positions_meet(sides, monkeypatch):
    monkeypatch.setattr(side_inputs, "PIECE", 2)
    monkeypatch.setattr(side_inputs, "TOGETHER", 3)
    sides.offer("profiles", records(10, *[b"1"] * 7), 20)
    assert [len(records) for records, _ in sides._queues["profiles"]] == [2, 2, 2, 1]
    position, taken = 10, []
    while sides.waiting:
        (part,) = sides.take({"profiles-1": position})
        taken += [(position, len(part.records), part.end)]
        position = part.end
    assert taken == [(10, 4, 14), (14, 3, 20)]


def test_a_topic_is_full_alone(sides, monkeypatch):
    monkeypatch.setattr(side_inputs, "WAITING", 2)
    sides.offer("profiles", records(0, b"1", b"2"), 2)
    assert sides.is_full("profiles")
    assert not sides.is_full("identities")


def batch(**counts):
    return InputBatch(
        [Part(name, name, records(0, *[b"1"] * count), 90) for name, count in counts.items()], 0.0
    )


def shape(batch):
    return [(part.topic, [record.offset for record in part.records], part.end) for part in batch.parts]


def test_topics_are_separated_before_records_are():
    first, second = batch(identities=1, profiles=2, clicks=3).halves()
    assert shape(first) == [("identities", [0], 90), ("profiles", [0, 1], 90)]
    assert shape(second) == [("clicks", [0, 1, 2], 90)]
    first, second = batch(profiles=0, clicks=3).halves()
    assert shape(first) == [("clicks", [0], 1)]
    assert shape(second) == [("clicks", [1, 2], 90), ("profiles", [], 90)]


@pytest.fixture
def bench(tmp_path):
    found = Bench(tmp_path)
    found.first.sides = SideInputs(IDS)
    found.first.recovered(found.stores[0], StateCheckpoint({TOPIC_ID: 10, "profiles-1": 2}, 5, 5), 1)
    yield found
    found.close()


async def test_waiting_records_of_all_inputs_are_one_transaction_with_their_positions(bench):
    bench.first.offer_side("profiles", records(2, b"p"), 4)
    bench.first.offer_side("identities", records(0, b"i", b"j"), 3)
    bench.offer(10, [b"1"])
    await bench.settle()
    assert len(bench.log.transactions) == 1
    assert bench.stored.positions == {TOPIC_ID: 11, "profiles-1": 4, "identities-1": 3}
    assert bench.sums.sides == [{"identities": [b"i", b"j"], "profiles": [b"p"]}]


async def test_a_recreated_input_shows_though_nothing_of_it_was_ever_read(bench):
    bench.offer(10, [b"1"])
    await bench.settle()
    assert bench.stored.positions == {TOPIC_ID: 11, "profiles-1": 2, "identities-1": 0}


async def test_records_without_clicks_do_not_move_the_clock_or_event_time(bench):
    bench.first.offer_side("profiles", records(2, b"p"), 3)
    await bench.settle()
    assert bench.stored == StateCheckpoint({TOPIC_ID: 10, "profiles-1": 3, "identities-1": 0}, 5, 5)


async def test_records_of_other_inputs_do_not_keep_an_idle_partition_awake(tmp_path):
    bench = Bench(tmp_path)
    bench.first.sides = SideInputs(IDS)
    bench.first.recovered(bench.stores[0], StateCheckpoint({TOPIC_ID: 10}, 500_000, 1), 1)
    bench.first._idle_ms, bench.first.idle_at, bench.sums.timers = 200, 0.0, True
    running = asyncio.get_running_loop().create_task(bench.cycles.run())
    for number in range(20):
        bench.first.offer_side("profiles", records(number, b"p"), number + 1)
        await asyncio.sleep(0.03)
    running.cancel()
    assert bench.stores[0].get([b"ticked"]) != [None]
    bench.close()


async def test_a_poisonous_record_beside_clicks_costs_itself_only(bench):
    bench.first.offer_side("profiles", records(2, b"p", b"poison", b"q"), 6)
    bench.offer(10, [b"1", b"2"])
    await bench.settle()
    assert (bench.sum(), bench.first.position) == (3, 12)
    (parts,) = bench.log.transactions
    outputs, state = parts[0]
    assert [value for _, value, _ in outputs["dead"]] == [b"poison"]
    assert sorted(bench.sums.applied) == [b"p", b"q"]
    assert checkpoints.decode(state[CHECKPOINT_KEY]).positions["profiles-1"] == 6


async def test_poison_among_clicks_applies_the_other_inputs_once(bench):
    bench.first.offer_side("identities", records(0, b"i"), 1)
    bench.offer(10, [b"1", b"poison"])
    await bench.settle()
    assert (bench.sum(), bench.sums.applied) == (1, [b"i"])


async def test_nothing_is_taken_from_a_reader_that_outlives_the_partition(bench):
    bench.first.close()
    bench.first.offer_side("identities", records(0, b"i"), 1)
    assert not bench.first.sides.waiting
    await bench.settle()
    assert bench.log.transactions == []


def test_clicks_are_told_by_their_topic_id(bench):
    part = Part(CLICKS, TOPIC_ID, records(10, b"1"), 11)
    work = bench.first.work(InputBatch([Part("profiles", "profiles-1", records(2, b"p"), 3), part], 0.0))
    assert (len(work.records), list(work.sides), work.size) == (1, ["profiles"], 2)
