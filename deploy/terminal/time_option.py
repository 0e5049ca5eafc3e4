"""Times as people type and read them."""

import re
import time
from datetime import UTC, datetime

import click

from models.contract.events import TS_MAX, TS_MIN
from models.contract.times import instant
from models.contract.values import Unreadable
from models.durations import DAY_MS, HOUR_MS, MINUTE_MS

_AGE = re.compile(r"(\d{1,6}(?:\.\d+)?)([dhm])")
_UNITS = {"d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS}


def parsed_time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Epoch ms of an option in ISO 8601 (UTC unless it has an offset), epoch seconds or epoch ms."""
    try:
        return None if value is None else instant(value)
    except Unreadable as error:
        raise click.BadParameter(f"{value!r} is no time, such as 2016-09-15 or epoch milliseconds") from error


def time_or_age(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """As `parsed_time`; also an age such as `1d`, `12h` or `30m`, counted back from now."""
    age = _AGE.fullmatch(value or "")
    if age is None:
        return parsed_time(ctx, param, value)
    return round(1000 * time.time() - float(age[1]) * _UNITS[age[2]])


def time_span(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Milliseconds of an option such as `2d`, `12h` or `30m`; longer than 0."""
    if value is None:
        return None
    span = _AGE.fullmatch(value)
    found = round(float(span[1]) * _UNITS[span[2]]) if span else 0
    if found <= 0:
        raise click.BadParameter(f"{value!r} is no length of time, such as 2d, 12h or 30m")
    return found


def utc_text(ms: float) -> str:
    """Epoch ms as text: `2026-11-30 08:05:59 UTC`."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def readable(value: int) -> str:
    """A whole number as text; one in the range of epoch ms as a time."""
    return utc_text(value) if TS_MIN <= value < TS_MAX else str(value)
