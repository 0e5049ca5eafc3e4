"""Two clocks of one visitor, the browser's and the server's: no purchase is lost where they disagree."""

import json

import pytest

from models.durations import HOUR_MS, MINUTE_MS
from models.state.codes import CLOCK, REORDERED, unpack
from models.state.visitor import decode
from tests.offline import Offline, Record, processing_config

START = 1_700_000_000_000


def record(number: int, arrived: int, ahead: int, event: str = "view_item", **fields) -> Record:
    """A record that arrives `arrived` ms after the start, by a clock that is `ahead` ms of Kafka's."""
    ts = START + arrived + ahead
    click = {"event_id": f"e{number}", "visitor_id": "ann", "ts": ts, "event": event, "item_id": "a"}
    return Record(number, START + arrived, b"ann", json.dumps(click | fields).encode())


def run(*sent: Record, **settings) -> tuple[Offline, dict[str, list]]:
    offline = Offline(rules=processing_config(**settings))
    effects = offline.process(list(sent))
    return offline, effects.outputs


@pytest.mark.parametrize("ahead", [6, 8, 10])
@pytest.mark.parametrize("size", [1, 9])
def test_a_browser_ahead_of_the_server_loses_no_purchase(ahead: int, size: int) -> None:
    fast = ahead * MINUTE_MS
    offline = Offline()
    sent = [record(0, 0, fast), record(1, 5_000, 0, "purchase", value=20.0), record(2, 9_000, fast)]
    for at in range(0, len(sent), size):
        offline.process(sent[at : at + size])
    visitor = decode(offline.state[b"vann"])
    assert (visitor.orders, visitor.spend, visitor.in_session) == (1, 20_000, 3)
    flags = unpack(visitor.codes)["flags"]
    assert (flags & (CLOCK | REORDERED)).tolist() == [0, CLOCK | REORDERED, 0]
    assert offline.metrics.by_arrival._value.get() == 1


def test_a_browser_behind_the_server_loses_no_click_and_the_answer_says_so() -> None:
    slow = -8 * MINUTE_MS
    offline, outputs = run(
        record(0, 0, 0, "purchase", value=20.0), record(1, 4_000, slow), record(2, 8_000, slow, "add_to_cart")
    )
    assert offline.names.dead_letters not in outputs
    flags = [json.loads(value).get("input_flags") for _, value, _ in outputs[offline.names.purchase_intent]]
    assert flags == [None, {"by_arrival": ["ts"]}, {"by_arrival": ["ts"]}]


def test_beyond_the_tolerance_and_what_was_long_under_way_is_late() -> None:
    for late in (
        [record(0, 0, 0), record(1, 1_000, -21 * MINUTE_MS)],
        # Made at once with the other click, by a clock that agrees, but received an hour later.
        [record(0, HOUR_MS, 0), record(1, HOUR_MS, -HOUR_MS)],
    ):
        offline, outputs = run(*late)
        ((_, _, headers),) = outputs[offline.names.dead_letters]
        assert dict(headers)["reason"] == b"late"


def test_the_tolerance_is_a_setting() -> None:
    sent = [record(0, 0, 0), record(1, 1_000, -8 * MINUTE_MS)]
    for minutes, letters in ((7.0, 1), (8.0, 0)):
        offline, outputs = run(*sent, clock_tolerance_minutes=minutes)
        assert len(outputs.get(offline.names.dead_letters, ())) == letters


@pytest.mark.parametrize(("hours", "zone"), [(-5, b"UTC-5"), (-9.5, b"UTC-9:30"), (-1, b"UTC-1")])
def test_a_late_click_of_another_time_zone_is_named_so(hours: float, zone: bytes) -> None:
    offline, outputs = run(record(0, 0, 0), record(1, 2_000, int(hours * HOUR_MS)))
    ((_, _, headers),) = outputs[offline.names.dead_letters]
    assert b"wall clock of " + zone in dict(headers)["message"]
    assert b"PATHCAST_TIME_ZONE" in dict(headers)["message"]


def test_a_replay_gives_what_the_live_run_gave() -> None:
    live = [record(0, 0, 8 * MINUTE_MS), record(1, 5_000, 0, "purchase", value=20.0)]
    times = [json.loads(one.value)["ts"] for one in live]
    again = [
        one._replace(timestamp=START + 90 * 24 * HOUR_MS, headers=[("original-time", str(ts).encode())])
        for one, ts in zip(live, times, strict=True)
    ]
    first, _ = run(*live)
    second, _ = run(*again)
    assert dict(first.state) == dict(second.state)
