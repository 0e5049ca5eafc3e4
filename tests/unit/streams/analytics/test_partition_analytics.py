"""A partition's analytics through the pipeline: published with the state, recovered, expired."""

import json

import pytest

from models.analytics.analytics_records import encode_analytics
from models.analytics.merging import AnalyticsPanes
from streams.analytics import partition_analytics
from tests.analytics_state import folded
from tests.offline import Offline, processing_config, records

START = 1_700_000_000_000
HOUR = 3_600_000


def event(number, visitor="v0", minutes=0.0, **fields):
    known = {"event_id": f"e{number}", "visitor_id": visitor, "event": "view_item", "item_id": "i1"}
    return {**known, "ts": START + int(minutes * 60_000), **fields}


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(partition_analytics.time, "monotonic", lambda: now[0])
    return now


def published(effects):
    return [
        (key.decode(), None if value is None else json.loads(value))
        for (topic, number), messages in effects.routed.items()
        if (topic, number) == ("analytics", 0)
        for key, value, _ in messages
    ]


def follow(panes, effects):
    for key, value in published(effects):
        panes.take(key.encode(), None if value is None else json.dumps(value).encode())


def test_records_are_published_at_most_every_few_seconds(clock):
    offline = Offline()
    assert len(published(offline.process(records([event(0)])))) == 3
    assert published(offline.process(records([event(1)]))) == []
    clock[0] += 5
    flows = dict(published(offline.process(records([event(2)]))))["0:1699999800000:flows"]
    assert flows["flows"]["all"]["events"] == {"view_item": 3}


def test_what_waits_is_published_by_a_tick(clock):
    offline = Offline()
    offline.process(records([event(0)]))
    offline.process(records([event(1)]))
    clock[0] += 5
    assert len(published(offline.process([], START + 60_000))) == 3
    assert published(offline.process([], START + 61_000)) == []


def test_topic_and_state_have_the_same_records():
    offline, panes = Offline(rules=processing_config(analytics_seconds=0.0)), AnalyticsPanes()
    for number in range(40):
        follow(panes, offline.process(records([event(number, f"v{number % 3}", number * 7)])))
    stored = folded(offline.state)
    assert [json.loads(encode_analytics(one)) for one in _sorted(panes)] == stored


def _sorted(panes):
    kinds = ("flows", "paths", "trends")
    return sorted(panes.records.values(), key=lambda one: (one.start, kinds.index(one.kind)))


def test_a_recovered_partition_goes_on_where_the_state_was(clock):
    offline = Offline()
    for number in range(5):
        offline.process(records([event(number)]))
    restarted = Offline()
    restarted.state.update(offline.state)
    restarted.pipeline.opened(0, restarted.reader)
    assert restarted.pipeline.caches[0].analytics.added == offline.pipeline.caches[0].analytics.added
    flows = dict(published(restarted.process(records([event(9)]))))["0:1699999800000:flows"]
    assert flows["flows"]["all"]["events"] == {"view_item": 6}


def test_panes_that_are_too_old_leave_state_and_topic(clock):
    offline, panes = Offline(), AnalyticsPanes()
    follow(panes, offline.process(records([event(0)])))
    clock[0] += 5
    effects = offline.process(records([event(1, minutes=50 * 60)]))
    follow(panes, effects)
    assert [key for key, value in published(effects) if value is None] == [
        f"0:1699999800000:{kind}" for kind in ("flows", "paths", "trends")
    ]
    assert {one.start for one in panes.records.values()} == {START + 50 * HOUR - 200_000}
    assert [one["start"] for one in folded(offline.state)] == [START + 50 * HOUR - 200_000] * 3


def test_many_chunks_are_folded_before_their_time(clock, monkeypatch):
    monkeypatch.setattr(partition_analytics, "MOST_ADDED", 3)
    offline = Offline()
    told = [bool(published(offline.process(records([event(number)])))) for number in range(9)]
    assert told == [True, False, False, False, True, False, False, False, True]


def test_a_chunk_that_is_refused_counts_nothing(clock):
    offline = Offline()
    effects = offline.process(records([event(0, event="sneeze")]))
    assert published(effects) == []
    assert not [key for key, _ in effects.state if key.startswith(b"a")]


def test_partitions_take_turns_after_their_first_fold(clock):
    due = []
    for partition in range(4):
        offline = Offline(partition=partition)
        offline.process(records([event(0)]))
        due.append(5 + offline.pipeline.caches[partition].analytics.folded_at - clock[0])
    assert due[0] == 5
    assert min(abs(one - other) for one in due for other in due if one is not other) > 0.5
    assert all(0 < one <= 5 for one in due)


def test_clicks_of_panes_that_are_too_old_are_counted_apart(clock):
    offline = Offline()
    offline.process(records([event(0, minutes=60 * 60)]))
    clock[0] += 5
    offline.process(records([event(1, "slow"), event(2, "v1", minutes=60 * 60)]))
    assert offline.metrics.analytics_expired._value.get() == 1
    assert [one["start"] for one in folded(offline.state)] == [START + 60 * HOUR - 200_000] * 3
