"""Timers: one live key per visitor, sorted by time, and never late."""

from models.durations import MINUTE_MS
from models.sessions.lifecycle import SessionConfig, advance, minute_of, schedule_close
from models.state import exposure, pending, state_keys, timers
from models.state.exposure import ExposureConfig
from models.state.pending import Pending
from models.state.visitor import Visitor, decode, encode
from tests.due import next_due

T = 1_700_000_040_000
MINUTE = T // MINUTE_MS


def visitor(**fields):
    return Visitor(last_ts=T, start_ts=T, first_ts=T, in_session=1, session_timer=MINUTE + 30, **fields)


def test_keys_sort_by_minute_and_lead_back_to_the_visitor():
    ann, zoe = state_keys.visitor("ann"), state_keys.visitor("zoë")
    rows = [state_keys.timer(minute, key) for minute, key in ((255, zoe), (256, ann), (70_000, zoe))]
    assert rows == sorted(rows)
    assert state_keys.timer_parts(rows[2]) == (70_000, zoe)
    assert state_keys.visitor_id(zoe) == "zoë"


def test_a_timer_moves_as_one_deletion_and_one_put():
    key = state_keys.visitor("ann")
    assert timers.changes(key, 0, 0) == timers.changes(key, 5, 5) == []
    assert timers.changes(key, 0, 5) == [(state_keys.timer(5, key), b"")]
    assert timers.changes(key, 5, 9) == [(state_keys.timer(5, key), None), (state_keys.timer(9, key), b"")]
    assert timers.changes(key, 5, 0) == [(state_keys.timer(5, key), None)]


def test_only_timers_up_to_the_watermark_ring():
    pairs = [(state_keys.timer(minute, b"v%d" % minute), b"") for minute in (3, 4, 5)]
    assert list(timers.due(pairs, 4 * MINUTE_MS)) == [b"v3", b"v4"]
    assert list(timers.due(pairs, 5 * MINUTE_MS - 1)) == [b"v3", b"v4"]


def test_a_timer_that_rings_too_early_is_set_anew():
    early = visitor()
    early.last_ts += 20 * MINUTE_MS
    config = SessionConfig()
    same, transitions = advance(early, T + 30 * MINUTE_MS, config)
    assert transitions == []
    assert same.session_timer == MINUTE + 50


def test_an_open_decision_is_closed_in_time_and_in_whole_minutes():
    config = SessionConfig(exposure=ExposureConfig(attribution_ms=10 * MINUTE_MS))
    held = visitor()
    for late_ms in (50_000, 70_000):
        held.exposure.open += pending.pack([Pending(late_ms, 1, T + late_ms)])
        schedule_close(held, T + late_ms, config)
    assert (held.exposure_timer, held.timer, next_due(held, config)) == (
        MINUTE + 11,
        MINUTE + 11,
        T + 650_000,
    )
    closed, transitions = advance(held, T + 11 * MINUTE_MS + 20_000, config)
    assert [one.decision for one in transitions] == [50_000]
    assert (closed.exposure_timer, closed.timer) == (MINUTE + 12, MINUTE + 12)
    closed, transitions = advance(closed, T + 12 * MINUTE_MS, config)
    assert [one.decision for one in transitions] == [70_000]
    assert (closed.exposure_timer, closed.timer) == (0, MINUTE + 30)


def test_closing_composes_where_the_timer_rang_before_anything_was_due():
    config = SessionConfig(exposure=ExposureConfig(attribution_ms=10 * MINUTE_MS))
    held = visitor(exposure_timer=MINUTE + 10)
    held.exposure.open = pending.pack([Pending(1, 1, T + 10_000)])
    record, due = encode(held), exposure.next_due(held.exposure, config.exposure)
    twice = advance(advance(decode(record), due - 1, config)[0], due + 1, config)[0]
    assert twice == advance(decode(record), due + 1, config)[0]
    assert twice.exposure_timer == minute_of(due)


def test_a_sooner_deadline_moves_the_timer_and_a_later_one_does_not():
    config = SessionConfig()
    held = visitor()
    schedule_close(held, T, config)
    first = held.exposure_timer
    schedule_close(held, T + 5 * MINUTE_MS, config)
    assert held.exposure_timer == first
    schedule_close(held, T - 5 * MINUTE_MS, config)
    assert held.exposure_timer == first - 5
