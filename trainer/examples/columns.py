"""Conversion of a log's columns to the types of the contract."""

import polars as pl

from models.contract.aliases import EventNames, event_name
from models.contract.values import Unreadable
from models.forms.missing import MISSING
from trainer.eventlog.log_tables import LISTS
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.number_text import amounts
from trainer.tables.time_text import epoch_ms

AMOUNTS = frozenset({"price", "value", "rating"})
COUNTS = frozenset({"quantity", "result_count", "schema_version", "stock"})
_IDS = frozenset({"visitor_id", "user_id", "item_id", "transaction_id", "category"})
_NO_VALUE = sorted({word.lower().strip() for word in MISSING})
#: A whole number that was once held as a fraction.
_WHOLE = r"^(-?\d+)\.0+$"
#: Above it a fraction holds whole numbers only.
_EXACT = float(2**63)


def typed(frame: pl.LazyFrame, events: EventNames = event_name, dialect: Dialect = DETECTED) -> pl.LazyFrame:
    """The same columns with the contract's types; a value that does not fit its type becomes null."""
    schema = frame.collect_schema()
    return frame.with_columns(typed_column(name, kind, events, dialect) for name, kind in schema.items())


def typed_column(name: str, kind: pl.DataType, events: EventNames, dialect: Dialect) -> pl.Expr:
    """A column of the type `kind` with the contract's type."""
    column = pl.col(name)
    if name == "ts":
        return epoch_ms(kind, dialect).alias("ts")
    if name in LISTS and kind.is_nested():
        return column.cast(LISTS[name], strict=False)
    if name in AMOUNTS or name in COUNTS:
        return _number(name, kind, dialect)
    if name in ("consent", "explain"):
        return (
            column if kind == pl.Boolean else column.cast(pl.String).str.to_lowercase().is_in(["true", "1"])
        )
    return _present(name, as_text(column, kind).str.strip_chars(), events)


def _number(name: str, kind: pl.DataType, dialect: Dialect) -> pl.Expr:
    column = pl.col(name)
    number = amounts(column, dialect.decimal) if kind == pl.String else column.cast(pl.Float64, strict=False)
    whole = number.cast(pl.Int64, strict=False)
    return (whole if name in COUNTS else pl.when(number.is_finite()).then(number)).alias(name)


def _present(name: str, text: pl.Expr, events: EventNames) -> pl.Expr:
    present = pl.when(text.str.to_lowercase().is_in(_NO_VALUE)).then(None).otherwise(text)
    if name in _IDS:
        present = present.map_batches(_without_fraction, return_dtype=pl.String, is_elementwise=True)
    if name == "event":
        present = present.map_batches(
            lambda values: _event_names(values, events), return_dtype=pl.String, is_elementwise=True
        )
    return present.alias(name)


def as_text(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Text of a column of any flat type; whole numbers have no point, whatever holds them."""
    if kind.is_float():
        whole = (column == column.floor()) & (column.abs() < _EXACT)
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
        )
    if kind.is_decimal():
        return column.cast(pl.String).str.replace(r"\.0+$", "")
    if kind == pl.Binary:
        return column.cast(pl.String, strict=False)
    return column.cast(pl.String)


def _without_fraction(values: pl.Series) -> pl.Series:
    """512345.0 is what a table makes of the id 512345 where another row has none."""
    return values.str.replace(_WHOLE, "${1}") if values.str.ends_with(".0").any() else values


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
