"""Event times as producers write them: units, ISO, wall clocks of a zone, and skews that are a zone's."""

import json
from datetime import datetime

import pytest

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder, arrival
from models.contract.events import Click, Limits, Reason
from models.contract.times import ZoneError, instant, local_ms, zone_named, zone_of_skew
from models.contract.values import Unreadable
from models.durations import HOUR_MS, MINUTE_MS
from tests.fuzzing import START, Input

NOON = 1_772_362_800_123  # 2026-03-01T11:00:00.123Z
BERLIN = zone_named("Europe/Berlin")


@pytest.mark.parametrize(
    "value",
    [
        NOON,
        str(NOON),
        NOON / 1000,
        str(NOON / 1000),
        NOON * 1000,
        str(NOON * 1000 + 7),
        NOON * 1_000_000,
        str(NOON * 1_000_000 + 999_999),
        "2026-03-01T11:00:00.123Z",
        "2026-03-01 11:00:00.123456 UTC",
        "2026-03-01T12:00:00.123456789+01:00",
        "2026-03-01T06:00:00.123-0500",
        "20260301T110000.123Z",
    ],
)
def test_one_moment_in_every_unit_is_the_same_in_every_zone(value) -> None:
    assert instant(value) == instant(value, BERLIN) == NOON


@pytest.mark.parametrize(
    ("zone", "text", "utc"),
    [
        ("UTC", "2026-07-01T12:00:00", "2026-07-01T12:00:00Z"),
        ("Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T10:00:00Z"),
        ("Europe/Berlin", "2026-01-01 12:00", "2026-01-01T11:00:00Z"),
        ("America/New_York", "2026-07-01T12:00:00.5", "2026-07-01T16:00:00.5Z"),
        ("Asia/Kolkata", "2026-07-01", "2026-06-30T18:30:00Z"),
        # Clocks go back: the first of the two hours. They go forward: as if they had not yet.
        ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
        ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
        ("America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"),
        # A time that names its zone is not moved.
        ("Asia/Tokyo", "2026-07-01T12:00:00 UTC", "2026-07-01T12:00:00Z"),
        ("Asia/Tokyo", "2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00Z"),
    ],
)
def test_a_time_without_a_zone_is_a_wall_clocks(zone: str, text: str, utc: str) -> None:
    assert instant(text, zone_named(zone)) == instant(utc)
    moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    if not text.endswith("UTC"):
        assert local_ms(moment, zone_named(zone)) == instant(utc)


@pytest.mark.parametrize(
    "value", ["noon", "", None, True, [], "1999-12-31T23:59:59Z", 12, "2026-13-01", "9" * 70]
)
def test_what_is_no_time_is_unreadable(value) -> None:
    with pytest.raises(Unreadable):
        instant(value, BERLIN)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd", "Europe/Berlin\0", "a" * 300]
)
def test_an_unknown_zone_says_what_fits(name: str) -> None:
    with pytest.raises(ZoneError, match="Europe/Berlin"):
        zone_named(name)
    with pytest.raises(ZoneError):
        Decoder(Limits(time_zone=name), Catalogue())


def decoded(ts, at: int, **limits):
    event = {"event_id": "e", "visitor_id": "v", "ts": ts, "event": "view_item"}
    return Decoder(Limits(**limits), Catalogue()).decode([Input(b"v", json.dumps(event).encode(), (), at)])[0]


def test_the_decoder_reads_wall_clocks_by_its_limits() -> None:
    at = instant("2026-07-01T10:00:00Z")
    assert decoded("2026-07-01T12:00:00", at, time_zone="Europe/Berlin") == Click(
        event_id="e", visitor_id="v", ts=at, event="view_item"
    )
    assert decoded("2026-07-01T12:00:00", at).reason is Reason.SKEWED


@pytest.mark.parametrize(
    ("apart", "zone"),
    [
        (2 * HOUR_MS, "UTC+2"),
        (2 * HOUR_MS - 3_000, "UTC+2"),
        (-5 * HOUR_MS + 20_000, "UTC-5"),
        (-12 * HOUR_MS, "UTC-12"),
        (14 * HOUR_MS, "UTC+14"),
        (5 * HOUR_MS + 30 * MINUTE_MS, "UTC+5:30"),
        (11 * MINUTE_MS, None),
        (30 * MINUTE_MS, None),
        (3 * HOUR_MS + 5 * MINUTE_MS, None),
        (15 * HOUR_MS, None),
        (24 * HOUR_MS, None),
    ],
)
def test_a_skew_of_whole_hours_is_named_for_what_it_is(apart: int, zone: str | None) -> None:
    assert zone_of_skew(apart) == zone
    refused = decoded(START, START - apart, skew_past_ms=MINUTE_MS)
    assert refused.reason is Reason.SKEWED
    assert ("PATHCAST_TIME_ZONE" in refused.message) == (zone is not None)
    assert zone is None or f"wall clock of {zone}," in refused.message


def test_the_arrival_of_a_replayed_record_is_its_first_one() -> None:
    record = Input(b"v", b"{}", (("original-time", str(START).encode()),), 5)
    assert arrival(record) == START
    assert arrival(record._replace(headers=(("original-time", b"yesterday"),))) == -1
    assert arrival(record._replace(headers=(("original-time", b"9" * 400),))) == -1
    assert arrival(record._replace(headers=())) == 5
