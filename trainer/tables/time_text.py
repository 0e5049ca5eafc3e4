"""Times as text: ISO 8601 with and without a zone, epoch numbers, local dates of spreadsheets."""

from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo

import polars as pl

from models.contract.events import TS_MAX, TS_MIN
from trainer.tables.dialect import Dialect

_ISO = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S%.f", "%Y/%m/%d", "%Y%m%d")
_ZONED = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
_CLOCKS = ("", " %H:%M", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p")
#: Dates of spreadsheets.
LOCAL = r"^\s*\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b"
_HOUR = pl.duration(hours=1)
#: Epoch units in milliseconds; a number is of that which brings it into the contract's years.
_UNITS = (1.0, 1_000.0, 1e-3, 1e-6)
_TEXT = pl.col("text")
_Reader = Callable[[pl.Expr], pl.Expr]


def is_day_first(texts: pl.Expr) -> pl.Expr:
    """Whether dates such as 13/1/2026 begin with the day; null where nothing tells."""
    parts = texts.str.extract_groups(r"^\s*(\d{1,2})[/-](\d{1,2})[/-]\d{2,4}\b")
    first, second = (parts.struct.field(part).cast(pl.Int16).max() for part in ("1", "2"))
    return pl.when((first > 12) & (second <= 12)).then(True).when((second > 12) & (first <= 12)).then(False)


def epoch_ms(kind: pl.DataType, dialect: Dialect) -> pl.Expr:
    """Column `ts` as epoch ms (Int64), null where it is no time; `kind` is the column's type."""
    column = pl.col("ts")
    if isinstance(kind, pl.Datetime):
        zoned = kind.time_zone is not None
        return column.dt.timestamp("ms") if zoned else _placed(column.cast(pl.Datetime("ms")), dialect.zone)
    if kind == pl.Date:
        return _placed(column.cast(pl.Datetime("ms")), dialect.zone)
    if kind != pl.String:
        return _from_number(column)
    return column.map_batches(
        lambda values: _from_text(values, dialect), return_dtype=pl.Int64, is_elementwise=True
    )


def _from_text(values: pl.Series, dialect: Dialect) -> pl.Series:
    """Each reader is asked only where those before it left something unread."""
    frame = values.str.strip_chars().to_frame("text")
    found = pl.Series(values.name, [None], pl.Int64).new_from_index(0, len(values))
    for reader in _readers(dialect):
        if found.null_count() == values.null_count():
            break
        found = found.fill_null(frame.select(reader(_TEXT)).to_series())
    return found


def _readers(dialect: Dialect) -> Iterator[_Reader]:
    zone = dialect.zone
    if dialect.time_format:
        yield _formatted(dialect.time_format, zone)
        return
    yield lambda text: _placed(_wall_clock(text, _ISO[0]), zone)
    yield _from_number
    yield lambda text: _wall_clock(_zoneless(text), _ISO[0]).dt.timestamp("ms")
    for form in _ISO[1:]:
        yield lambda text, form=form: _placed(_wall_clock(text, form), zone)  # type: ignore[misc]
    for form in _ZONED:
        yield _formatted(form, zone)
    yield lambda text: _local(text, dialect)


def _zoneless(text: pl.Expr) -> pl.Expr:
    """The text of a time that says UTC, without that."""
    return pl.when(text.str.contains(r"(?:UTC|GMT|Z)$")).then(text.str.replace(r"\s*(?:UTC|GMT|Z)$", ""))


def _wall_clock(text: pl.Expr, form: str) -> pl.Expr:
    spaced = text.str.replace(r"(\d)T(\d)", "${1} ${2}") if form.startswith("%Y-%m-%d %H") else text
    found = spaced.str.to_datetime(form, time_unit="ms", strict=False)
    # "13-12-26" is not of the year 13.
    return pl.when(found.dt.year() >= 1000).then(found)


def _formatted(form: str, zone: tzinfo) -> _Reader:
    if not any(mark in form for mark in ("%z", "%:z", "%#z")):
        return lambda text: _placed(_wall_clock(text, form), zone)

    def read(text: pl.Expr) -> pl.Expr:
        spaced = text.str.replace(r"(\d)T(\d)", "${1} ${2}") if form in _ZONED else text
        return spaced.str.to_datetime(form, time_unit="ms", time_zone="UTC", strict=False).dt.timestamp("ms")

    return read


def _from_number(column: pl.Expr) -> pl.Expr:
    """Epoch ms of a number of seconds, milliseconds, microseconds or nanoseconds, told by its size."""
    number = column.cast(pl.Float64, strict=False)
    found = pl.lit(None, dtype=pl.Int64)
    for unit in reversed(_UNITS):
        inside = (number >= TS_MIN / unit) & (number < TS_MAX / unit)
        found = pl.when(inside).then((number * unit).round().cast(pl.Int64, strict=False)).otherwise(found)
    return found


def _local(text: pl.Expr, dialect: Dialect) -> pl.Expr:
    """Dates of spreadsheets: with points the day is first, with others it must be known."""
    bare = pl.when(text.str.contains(LOCAL)).then(text.str.replace_all("-", "/").str.replace(",", ""))
    dates = ["%d.%m.%Y", "%d.%m.%y"]
    if dialect.day_first is not None:
        order = "%d/%m" if dialect.day_first else "%m/%d"
        dates += [f"{order}/%Y", f"{order}/%y"]
    forms = [
        bare.str.to_datetime(date + clock, time_unit="ms", strict=False)
        for date in dates
        for clock in _CLOCKS
    ]
    found = [_placed(form, dialect.zone) for form in forms]
    # A year of two digits is read as the year 26 by the longer format.
    return pl.coalesce(pl.when(one.is_between(TS_MIN, TS_MAX - 1)).then(one) for one in found)


def _placed(moment: pl.Expr, zone: tzinfo) -> pl.Expr:
    """Epoch ms of a wall clock: the first of two hours that are alike; a skipped hour as if not skipped."""
    if zone is UTC:
        return moment.dt.timestamp("ms")
    own = moment.dt.replace_time_zone(str(zone), ambiguous="earliest", non_existent="null")
    before = (moment - _HOUR).dt.replace_time_zone(str(zone), ambiguous="earliest", non_existent="null")
    return own.fill_null(before + _HOUR).dt.timestamp("ms")
