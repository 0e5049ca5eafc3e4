"""Conversion of a log's columns to the types of the contract."""

import polars as pl

from models.contract.aliases import EventNames, event_name
from models.contract.values import MISSING, Unreadable

_FLOATS = frozenset({"price", "value", "rating"})
_INTEGERS = frozenset({"quantity", "schema_version", "stock"})
_NO_VALUE = sorted({word.lower().strip() for word in MISSING})
_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d")
_ZONED = "%Y-%m-%d %H:%M:%S%.f%#z"


def typed(frame: pl.LazyFrame, events: EventNames = event_name) -> pl.LazyFrame:
    """The same columns with the contract's types; a value that does not fit its type becomes null."""
    schema = frame.collect_schema()
    return frame.with_columns(_typed(name, kind, events) for name, kind in schema.items())


def _typed(name: str, kind: pl.DataType, events: EventNames) -> pl.Expr:
    column = pl.col(name)
    if name == "ts":
        return epoch_ms(kind).alias("ts")
    if name in _FLOATS:
        return column.cast(pl.Float64, strict=False).fill_nan(None)
    if name in _INTEGERS:
        return column.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
    if name in ("consent", "explain"):
        return (
            column if kind == pl.Boolean else column.cast(pl.String).str.to_lowercase().is_in(["true", "1"])
        )
    if kind == pl.List(pl.String):
        return column
    text = column.cast(pl.String).str.strip_chars()
    present = pl.when(text.str.to_lowercase().is_in(_NO_VALUE)).then(None).otherwise(text)
    if name == "event":
        present = present.map_batches(
            lambda values: _event_names(values, events), return_dtype=pl.String, is_elementwise=True
        )
    return present.alias(name)


def _event_names(values: pl.Series, events: EventNames) -> pl.Series:
    """Event names mapped to the contract's (a log has few distinct ones); unknown names are kept
    as they are.
    """
    distinct = values.drop_nulls().unique().to_list()
    return values.replace(distinct, [_event_name(value, events) for value in distinct])


def _event_name(value: str, events: EventNames) -> str:
    try:
        return events(value)
    except Unreadable:
        return value


def epoch_ms(kind: pl.DataType) -> pl.Expr:
    """Epoch ms from dates, ISO text, or numbers in s, ms or µs, which are told apart by their size."""
    column = pl.col("ts")
    if kind.is_temporal():
        return (
            column.cast(pl.Datetime("ms")).dt.timestamp("ms")
            if kind == pl.Date
            else column.dt.timestamp("ms")
        )
    if kind != pl.String:
        return _from_number(column)
    text = (
        column.str.replace(r"\s*(UTC|GMT|Z)\s*$", "").str.replace(r"(\d)T(\d)", "${1} ${2}").str.strip_chars()
    )
    plain = [text.str.to_datetime(form, time_unit="ms", strict=False).dt.timestamp("ms") for form in _FORMATS]
    zoned = text.str.to_datetime(_ZONED, time_unit="ms", time_zone="UTC", strict=False).dt.timestamp("ms")
    return pl.coalesce(_from_number(column), *plain, zoned)


def _from_number(column: pl.Expr) -> pl.Expr:
    number = column.cast(pl.Float64, strict=False)
    ms = pl.when(number < 1e11).then(number * 1000).when(number > 1e14).then(number / 1000).otherwise(number)
    return ms.cast(pl.Int64, strict=False)
