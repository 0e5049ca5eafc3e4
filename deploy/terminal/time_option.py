"""Times as people type and read them."""

from datetime import UTC, datetime

import click

from models.contract.events import TS_MAX, TS_MIN
from models.contract.values import Unreadable, instant


def parsed_time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Epoch ms of an option in ISO 8601 (UTC unless it has an offset), epoch seconds or epoch ms."""
    try:
        return None if value is None else instant(value)
    except Unreadable as error:
        raise click.BadParameter(f"{value!r} is no time, such as 2016-09-15 or epoch milliseconds") from error


def utc_text(ms: float) -> str:
    """Epoch ms as text: `2026-11-30 08:05:59 UTC`."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def readable(value: int) -> str:
    """A whole number as text; one in the range of epoch ms as a time."""
    return utc_text(value) if TS_MIN <= value < TS_MAX else str(value)
