"""What `pathcast input check --topic` finds, of records as the workers' decoder reads them."""

import json
from types import SimpleNamespace

from deploy.runs.topic_sample import decoded
from streams.config.worker_settings import WorkerSettings
from trainer.input_check.decoded_records import of_records

NOW = 1_790_000_000_000
HOUR = 3_600_000


def record(number, value, key=b"v1", timestamp=NOW):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return SimpleNamespace(
        key=key, value=raw, timestamp=timestamp, headers=(), partition=0, offset=number, topic="clicks"
    )


def click(number, **fields):
    event = {"event_id": f"e{number}", "visitor_id": "v1", "ts": NOW, "event": "view_item", "item_id": "i1"}
    return record(number, event | fields)


def found(*records):
    return of_records("clicks", decoded(list(records), WorkerSettings()), 30 * 60_000, NOW)


def test_clicks_refusals_and_unknown_names_are_counted():
    said = found(
        *(click(number) for number in range(4)),
        click(4, event="heartbeat"),
        click(5, event="heartbeat"),
        record(6, b"no json"),
        click(7, visitor_id="v2"),
    )
    assert (said.rows, said.unusable, said.measures.clicks) == (8, 4, 4)
    assert said.unknown == {"heartbeat": 2}
    reasons = {(one.field, one.reason): one for one in said.refusals}
    assert reasons["event", "invalid"].rows == 2
    assert reasons["event", "invalid"].where == "partition 0, offset 4"
    assert said.sources["item_id"] == ("item_id",)
    assert said.skew is None


def test_passive_events_are_counted_apart():
    said = found(
        click(0), click(1, event="scroll"), record(2, {"event": "scroll"}), record(3, {"event": "page_ping"})
    )
    assert (said.rows, said.unusable, said.passive) == (4, 0, {"scroll": 2, "page_ping": 1})
    assert (said.unknown, said.refusals) == ({}, ())


def test_a_skew_of_whole_hours_is_named_as_a_zone():
    said = found(*(click(number, ts=NOW - 5 * HOUR) for number in range(3)))
    assert said.skew is None or "UTC-5" in said.skew
    assert said.skew or any("UTC-5" in f"{one.value} {one.cure}" for one in said.refusals)


def test_an_empty_topic_is_no_error():
    assert (found().rows, found().measures.clicks) == (0, 0)
