"""The columns of a file of decisions as typed values, beside the text that they were."""

from collections.abc import Mapping

import polars as pl

from trainer.decision_tables.action_columns import action_text, allowed_names, by_action
from trainer.decision_tables.decision_columns import DecisionColumns
from trainer.tables.dialect import Dialect
from trainer.tables.log_error import LogError
from trainer.tables.number_text import amounts
from trainer.tables.table import BROKEN, LINE, FileTable
from trainer.tables.time_text import epoch_ms

#: Begins the name of a context column, so that none is taken for a field.
CONTEXT = "context:"


def typed(name: str, table: FileTable, columns: DecisionColumns, dialect: Dialect) -> pl.DataFrame:
    """A column for each field, its text under FIELD_said, and the context under `context:NAME`.

    Raises LogError for a column whose values cannot be of its field.
    """
    raw = _raw(name, table, columns)
    kinds = raw.collect_schema()
    said = [
        pl.col(field).cast(pl.String).alias(f"{field}_said")
        for field in columns.fields
        if not kinds[field].is_nested()
    ]
    values = [_value(field, kinds[field], dialect) for field in columns.fields if field != "probabilities"]
    context = [_context(name, column, kinds, word) for column, word in columns.context.items()]
    frame = raw.with_columns(*said, *values, *context)
    if "probabilities" in columns.fields:
        frame = frame.with_columns(by_action("probabilities", kinds["probabilities"]).alias("probabilities"))
    return frame.collect()


def _raw(name: str, table: FileTable, columns: DecisionColumns) -> pl.LazyFrame:
    known = table.frame.collect_schema().names()
    if unread := [column for column in columns.fields.values() if column not in known]:
        raise LogError(
            f"{name}: the column {unread[0]!r} holds lists or objects of JSON, which are not read here; "
            "write actions as a|b and probabilities as text, or use Parquet"
        )
    return table.frame.select(
        LINE,
        BROKEN,
        *(pl.col(column).alias(field) for field, column in columns.fields.items()),
        *(pl.col(column).alias(f"{CONTEXT}{column}") for column in columns.context),
    )


def _value(field: str, kind: pl.DataType, dialect: Dialect) -> pl.Expr:
    column = pl.col(field)
    if field in ("propensity", "reward"):
        return _number(column, kind, dialect)
    if field == "ts":
        return epoch_ms(kind, dialect).alias(field)
    if field == "step":
        return column.cast(pl.Int64, strict=False)
    return allowed_names(column, kind) if field == "allowed" else action_text(column, kind)


def _number(column: pl.Expr, kind: pl.DataType, dialect: Dialect) -> pl.Expr:
    return amounts(column, dialect.decimal) if kind == pl.String else column.cast(pl.Float64, strict=False)


def _context(name: str, column: str, kinds: Mapping[str, pl.DataType], word: bool) -> pl.Expr:
    """Numbers where all values of the column are numbers, else words; unknown values are null."""
    own, kind = pl.col(f"{CONTEXT}{column}"), kinds[f"{CONTEXT}{column}"]
    if not (kind.is_numeric() or kind in (pl.String, pl.Boolean, pl.Null, pl.Categorical)):
        raise LogError(
            f"{name}: the context column {column!r} holds values of the kind {kind}; expected numbers or "
            "words: leave it out of --context, or write it as numbers"
        )
    if word:
        return action_text(own, kind)
    if kind != pl.String:
        return own.cast(pl.String if kind == pl.Categorical else pl.Float64)
    return own.str.strip_chars().replace("", None)
