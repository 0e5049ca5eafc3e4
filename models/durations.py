"""Spans of time in milliseconds, the unit of every event time."""

from typing import Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
_UNITS = ((DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute"), (1000, "second"), (1, "ms"))


def text_of(span: int) -> str:
    """A span as people say it, in the largest unit that fits into it: `7 days`, `1.5 hours`, `1 minute`."""
    size, unit = next(((size, unit) for size, unit in _UNITS if span >= size), _UNITS[-1])
    count = f"{span / size:.3g}"
    return f"{count} {unit}" + "s" * (count != "1" and unit != "ms")
