"""The dashboard's reader over a consumer that a test controls: where it begins, and what it says."""

import asyncio
import time
from types import SimpleNamespace

import aiokafka
import pytest
from aiokafka.errors import KafkaConnectionError

from gateway.dashboard.feeds import topic_reader
from gateway.dashboard.feeds.topic_feed import STREAMS, TopicFeed
from gateway.dashboard.feeds.topic_reader import MOST_PAST, TopicReader
from streams.config.topics import TopicNames
from tests.dashboard_records import record

NAMES = TopicNames()


class Broker:
    """Stands for consumer and admin: `ends` are offsets by topic, one partition each."""

    def __init__(self, ends, timed=0):
        self.ends, self.timed = ends, timed
        self.sought, self.assigned, self.batches, self.failing = {}, [], [], None

    async def start(self):
        if self.failing:
            raise self.failing

    async def stop(self):
        self.assigned = []

    close = stop

    async def describe_topics(self):
        return [{"topic": topic, "partitions": [{"partition": 0}]} for topic in self.ends]

    def assignment(self):
        return set(self.assigned)

    def assign(self, parts):
        self.assigned = parts

    def seek(self, part, offset):
        self.sought[part.topic] = offset

    async def position(self, part):
        return self.sought.get(part.topic, 0)

    async def end_offsets(self, parts):
        return {part: self.ends[part.topic] for part in parts}

    async def beginning_offsets(self, parts):
        return dict.fromkeys(parts, 0)

    async def offsets_for_times(self, times):
        return {part: SimpleNamespace(offset=self.timed) for part in times}

    async def list_consumer_group_offsets(self, group):
        return {aiokafka.TopicPartition(NAMES.clicks, 0): SimpleNamespace(offset=90)}

    async def getmany(self, timeout_ms, max_records):
        await asyncio.sleep(0.01)
        found = self.batches.pop(0) if self.batches else {}
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def read(monkeypatch):
    """Reads for a moment from a broker, and returns the feed."""

    async def workers():
        return []

    def run(broker, seconds=0.3):
        monkeypatch.setattr(topic_reader, "LAG_SECONDS", 0.01)
        monkeypatch.setattr(topic_reader, "RETRY_SECONDS", 0.01)
        monkeypatch.setattr(topic_reader.aiokafka, "AIOKafkaConsumer", lambda **_: broker)
        monkeypatch.setattr(topic_reader, "AIOKafkaAdminClient", lambda **_: broker)
        feed = TopicFeed()
        reader = TopicReader(feed, NAMES, {}, "group", 60, workers)
        reader.start()
        reader.start()
        asyncio.run(asyncio.sleep(seconds))
        reader.stop()
        return feed

    return run


def ends(**changed):
    return {getattr(NAMES, role): 10 for role in STREAMS} | changed


def test_streams_begin_at_their_time_and_tables_at_their_beginning(read):
    broker = Broker(ends(**{NAMES.items: 7}), timed=4)
    feed = read(broker)
    assert broker.sought[NAMES.clicks] == 4
    assert broker.sought[NAMES.items] == 0
    assert feed.trouble == ""
    assert NAMES.experiments in feed.missing


def test_of_a_long_past_only_the_newest_records_are_read_and_the_window_says_so(read):
    now = 4_000_000_000_000
    broker = Broker(ends(**{NAMES.clicks: 3 * MOST_PAST}))
    broker.batches = [{aiokafka.TopicPartition(NAMES.clicks, 0): [record(now - 12_345, {"event": "x"})]}]
    feed = read(broker)
    assert broker.sought[NAMES.clicks] == 2 * MOST_PAST
    assert feed.since >= now - 12_345
    assert feed.window(now, 3600).start == feed.since


def test_the_lag_is_what_the_group_has_not_committed(read):
    assert read(Broker(ends(**{NAMES.clicks: 100}))).lag == {0: 10}


def test_a_broker_that_is_away_is_said_and_tried_again(read):
    broker = Broker(ends())
    broker.failing = KafkaConnectionError("no route")
    assert "no route" in read(broker).trouble


def test_a_fault_is_said(read):
    broker = Broker(ends())
    broker.describe_topics = None
    assert "met a fault (TypeError" in read(broker).trouble


@pytest.mark.parametrize("fault", [KafkaConnectionError("away"), ZeroDivisionError()])
def test_reading_goes_on_from_where_it_was_after_any_failure(read, fault):
    broker, part = Broker(ends(), timed=4), aiokafka.TopicPartition(NAMES.clicks, 0)
    now = int(time.time() * 1000)
    clicks = [record(now, {"event_id": "e", "event": "login"}) for _ in range(2)]
    broker.batches = [{part: clicks[:1]}, fault, {part: clicks[1:]}]
    feed = read(broker)
    assert broker.sought[NAMES.clicks] == clicks[0].offset + 1
    assert sum(feed.answers.volume.total(feed.window(now + 1_000, 60)).values()) == 2
    assert feed.trouble == ""
