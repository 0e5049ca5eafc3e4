"""What reads the inputs beside clicks: from where, what it hands over, and when it leaves off."""

import asyncio
from types import SimpleNamespace

import aiokafka
import pytest
import structlog
from aiokafka.errors import TopicAuthorizationFailedError

from streams.errors import SetUpError
from streams.inputs import side_reader as module
from streams.inputs.side_inputs import SideInputs
from streams.inputs.side_reader import SideReader
from tests.offline import Record

TOPICS = ("identities", "profiles")


class Consumer:
    """Kafka's end of it: what is to come by partition, and positions."""

    made: list["Consumer"]
    #: What `getmany` returns, one after the other; an error is raised.
    coming: list
    #: The oldest offsets by topic.
    begins: dict

    def __init__(self, **options):
        self.options, self.positions, self.asked, self.running = options, {}, [], False
        Consumer.made.append(self)

    async def start(self):
        self.running = True

    async def stop(self):
        self.running = False

    def assign(self, parts):
        self.positions = dict.fromkeys(parts)

    def seek(self, part, position):
        self.positions[part] = position

    async def beginning_offsets(self, parts):
        return {part: self.begins.get(part.topic, 0) for part in parts}

    async def position(self, part):
        return self.positions[part]

    def last_stable_offset(self, part):
        return 12

    async def getmany(self, *parts, timeout_ms):
        self.asked.append((parts, timeout_ms))
        if not Consumer.coming:
            await asyncio.sleep(3600)
        found = Consumer.coming.pop(0)
        if isinstance(found, Exception):
            raise found
        records = {}
        for part, (fetched, position) in found.items():
            self.positions[part] = position
            if fetched:
                records[part] = fetched
        return records


class Owned:
    """An assigned partition as far as the reader knows it."""

    def __init__(self, **positions):
        self.sides = SideInputs({topic: f"{topic}-1" for topic in TOPICS})
        self.side_position = positions.get
        self.offered = []

    def offer_side(self, topic, records, end):
        self.offered.append((topic, [record.offset for record in records], end))


@pytest.fixture
def coming(monkeypatch):
    """What will be fetched."""
    Consumer.made, Consumer.coming, Consumer.begins = [], [], {}
    monkeypatch.setattr(module.aiokafka, "AIOKafkaConsumer", Consumer)
    return Consumer.coming


async def read(partitions, until):
    """Read until `until()`; the consumer."""
    reader = SideReader(TOPICS, {"bootstrap_servers": "x"})
    task = asyncio.get_running_loop().create_task(reader.run(partitions))
    while not until() and not task.done():
        await asyncio.sleep(0)
    if task.done():
        await task
    (consumer,) = Consumer.made
    lag = reader.lag("profiles", 0, 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not consumer.running
    assert reader.lag("profiles", 0, 5) == 0
    return SimpleNamespace(consumer=consumer, lag=lag)


def part(topic, number=0):
    return aiokafka.TopicPartition(topic, number)


def records(*offsets):
    return [Record(offset, 0, b"k", b"v") for offset in offsets]


async def test_reading_begins_at_the_checkpoints_and_hands_over_what_comes_with_the_position(coming):
    partitions = {0: Owned(identities=3, profiles=7), 2: Owned(identities=0, profiles=1)}
    coming += [
        {part("identities"): (records(3, 4), 6), part("profiles", 2): (records(1), 2)},
        {part("profiles"): ([], 9)},
        {},
    ]
    seen = await read(partitions, lambda: len(partitions[0].offered) == 2 and not coming)
    assert partitions[0].offered == [("identities", [3, 4], 6), ("profiles", [], 9)]
    assert partitions[2].offered == [("profiles", [1], 2)]
    assert seen.consumer.options["isolation_level"] == "read_committed"
    assert seen.consumer.options["auto_offset_reset"] == "earliest"
    assert seen.consumer.options.get("group_id") is None
    assert seen.lag == 7


async def test_a_partition_that_has_enough_to_do_is_left_out_of_a_fetch_that_is_short(coming, monkeypatch):
    partitions = {0: Owned(identities=0, profiles=0)}
    monkeypatch.setattr(partitions[0].sides, "is_full", lambda topic: topic == "profiles")
    seen = await read(partitions, lambda: Consumer.made and Consumer.made[0].asked)
    ((parts, timeout_ms),) = seen.consumer.asked
    assert parts == (part("identities"),)
    assert timeout_ms <= 50
    assert partitions[0].offered == []


async def test_a_worker_without_partitions_reads_nothing(coming):
    await SideReader(TOPICS, {}).run({})
    assert Consumer.made == []


async def test_nothing_is_fetched_while_all_is_full(coming, monkeypatch):
    monkeypatch.setattr(module, "FULL_WAIT", 0)
    partitions, looks = {0: Owned(identities=0, profiles=0)}, []
    monkeypatch.setattr(partitions[0].sides, "is_full", lambda topic: looks.append(topic) or True)
    seen = await read(partitions, lambda: len(looks) > 10)
    assert seen.consumer.asked == []


async def test_a_topic_that_may_not_be_read_is_said_in_words(coming):
    coming.append(TopicAuthorizationFailedError("profiles"))
    with pytest.raises(SetUpError, match=r"cannot read identities, profiles.*this user may read them"):
        await read({0: Owned(identities=0, profiles=0)}, lambda: False)
    assert not Consumer.made[0].running


async def test_records_that_were_deleted_unread_are_told(coming):
    Consumer.begins = {"identities": 8}
    partitions = {0: Owned(identities=3, profiles=0), 1: Owned(identities=8, profiles=0)}
    with structlog.testing.capture_logs() as logged:
        await read(partitions, lambda: Consumer.made and Consumer.made[0].asked)
    ((topic, partition, lost, offsets),) = [
        (one["topic"], one["partition"], one["records"], one["offsets"]) for one in logged
    ]
    assert (topic, partition, lost, offsets) == ("identities", 0, 5, "3 to 7")
