"""Read event times as producers write them, also wall-clock times without a zone.

A time without a zone is read in a zone that the shop names (UTC by default). Where clocks go back, a
wall-clock time occurs twice and the first one is meant; where they go forward, a time that is skipped is read
as if the clock had not been moved yet. Machines with the same tz database read the same.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.contract.events import TS_MAX, TS_MIN
from models.contract.values import NUMBER_CHARS, Unreadable, number
from models.durations import HOUR_MS, MINUTE_MS
from models.errors import PathcastError

#: Milliseconds in one unit, for epoch milliseconds, seconds, microseconds and nanoseconds.
_EPOCH_UNITS: Final = (1, 1000, 1e-3, 1e-6)
_NAME: Final = re.compile(r"[A-Za-z0-9_+\-]{1,40}(/[A-Za-z0-9_+\-]{1,40}){0,2}")
#: Zones differ from UTC by whole quarters of an hour, from -12 to +14 hours.
_ZONE_STEP_MS: Final = 15 * MINUTE_MS
_LEAST_ZONE_MS, _MOST_ZONE_MS = HOUR_MS, 14 * HOUR_MS
#: How far from a whole step a skew may be that is taken for a time zone: delivery takes a while.
_ZONE_SLACK_MS: Final = MINUTE_MS


class ZoneError(PathcastError):
    """A time zone is not known by that name."""


def zone_named(name: str) -> tzinfo:
    """The zone of a name of the tz database, such as `Europe/Berlin`. Raises ZoneError."""
    if name == "UTC":
        return UTC
    try:
        if _NAME.fullmatch(name) is None:
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ZoneError(
            f"time zone {name[:80]!r} is not in this machine's tz database; name one such as Europe/Berlin, "
            "America/New_York or UTC (a container without the database needs the package tzdata)"
        ) from error


def instant(value: Any, zone: tzinfo = UTC) -> int:
    """Epoch ms from epoch seconds, ms, µs or ns (told apart by size), or from ISO 8601.

    A text without a zone is read in `zone`. Raises Unreadable.
    """
    try:
        found = number(value)
    except Unreadable:
        return _iso(value, zone)
    for unit in _EPOCH_UNITS:
        if TS_MIN <= found * unit <= TS_MAX - 1:
            return _scaled(value, found, unit)
    return _iso(value, zone)


def _scaled(value: Any, found: float, unit: float) -> int:
    """Whole numbers are divided as such: a float holds nanoseconds only to some hundreds."""
    whole = value if type(value) is int else int(value) if str(value).isdecimal() else None
    if whole is None or unit >= 1:
        return round(found * unit)
    return whole // round(1 / unit)


def _iso(value: Any, zone: tzinfo) -> int:
    if not isinstance(value, str) or len(value) > NUMBER_CHARS:
        raise Unreadable
    try:
        moment = datetime.fromisoformat(value.strip().removesuffix(" UTC"))
    except ValueError as error:
        raise Unreadable from error
    return local_ms(moment, UTC if value.rstrip().endswith(" UTC") else zone)


def in_range(moment: datetime) -> int:
    """Epoch ms of a time with a zone. Raises Unreadable outside of the years of the contract."""
    found = round(moment.timestamp() * 1000)
    if not TS_MIN <= found < TS_MAX:
        raise Unreadable
    return found


def local_ms(moment: datetime, zone: tzinfo = UTC) -> int:
    """Epoch ms of a time; one without a zone is a wall-clock time of `zone`. Raises Unreadable."""
    try:
        return in_range(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError) as error:
        raise Unreadable from error


def zone_of_skew(apart_ms: int) -> str | None:
    """`UTC-5` or `UTC+5:30` where a skew is what a wall clock of that zone, read as UTC, would show."""
    steps = round(apart_ms / _ZONE_STEP_MS)
    zone_ms = abs(steps) * _ZONE_STEP_MS
    whole = _LEAST_ZONE_MS <= zone_ms <= _MOST_ZONE_MS and zone_ms % (2 * _ZONE_STEP_MS) == 0
    if not whole or abs(apart_ms - steps * _ZONE_STEP_MS) > _ZONE_SLACK_MS:
        return None
    hours, rest = divmod(zone_ms, HOUR_MS)
    return f"UTC{'+' if steps > 0 else '-'}{hours}" + (f":{rest // MINUTE_MS:02}" if rest else "")


def zone_advice(zone: str) -> str:
    """What to do about a skew that is a time zone's."""
    return (
        f"this looks like the wall clock of {zone}, read as another zone's; send the zone with the time "
        "(2026-01-31T12:00:00+01:00) or epoch milliseconds, or name the zone in PATHCAST_TIME_ZONE"
    )
