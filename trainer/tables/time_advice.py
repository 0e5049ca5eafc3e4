"""Which `--time-format` reads a time that no reader knows."""

from collections.abc import Iterator
from datetime import datetime
from itertools import product

import polars as pl

from trainer.tables.dialect import Dialect
from trainer.tables.time_text import epoch_ms

_DATES = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d/%b/%Y", "%a, %d %b %Y"),
    *("%d/%m/%y", "%m/%d/%y"),
)
_JOINS = (" ", ", ", "T", ":", "")
_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%H.%M", "%H%M%S", "%H%M")
_ZONES = ("", " %z")
_ADVISED = 2


def advice(value: str | None) -> str:
    """What to do about a time that cannot be read, with the formats that read it."""
    forms = fitting_formats(value or "")
    named = " or ".join(f"'{form}'" for form in forms) or "FORMAT (as strptime has it)"
    return f"--time-format {named} says how times are written, --map ts=COLUMN where"


def fitting_formats(value: str) -> list[str]:
    """The first formats that read `value`, tried as the log's reader reads it."""
    found: list[str] = []
    for form in _forms():
        if len(found) == _ADVISED:
            break
        if _may_fit(value, form) and _reads(value, form):
            found.append(form)
    return found


def _forms() -> Iterator[str]:
    for join, clock, zone in product(_JOINS, _CLOCKS, _ZONES):
        yield from (f"{date}{join}{clock}{zone}" for date in _DATES)
    yield from _DATES


def _may_fit(value: str, form: str) -> bool:
    """Whether Python reads it, which is asked first because it is faster."""
    try:
        return datetime.strptime(value.strip(), form).year >= 1000
    except ValueError:
        return False


def _reads(value: str, form: str) -> bool:
    frame = pl.DataFrame({"ts": [value]})
    return frame.select(epoch_ms(pl.String(), Dialect(time_format=form)))["ts"][0] is not None
