"""A file of events opened: its rows under the contract's names, and what was found out about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from models.contract.aliases import EventNames, event_name
from models.contract.events import WIRE_FIELDS
from models.forms.names import collapse
from models.forms.own import OWN
from models.forms.table import recognise
from trainer.eventlog.log_tables import LISTS
from trainer.examples.columns import AMOUNTS, as_text
from trainer.logs.event_rows import FAULT, event_rows, is_dump
from trainer.logs.item_lists import list_column, list_sources, with_items
from trainer.logs.log_columns import STAND_INS, LogColumns, column_sources, needed
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.log_error import LogError
from trainer.tables.number_text import decimal_of
from trainer.tables.open_table import check_named, open_table
from trainer.tables.spelling import spelled_alike
from trainer.tables.table import BROKEN, LINE, FileTable
from trainer.tables.time_text import LOCAL, is_day_first

#: The form of a file whose columns are fields.
TABLE = "table"
#: Columns of `frame` that are no fields.
BESIDE = (LINE, BROKEN, FAULT)


class OpenLog(NamedTuple):
    """`frame` has a row for each of the file's: `event_id`, the fields found, values as in the file, BESIDE.

    `form` is TABLE or the names of the forms that the events have. `found` says what was detected. `sources`
    are the columns of each field. `dialect` has what was detected from the values.
    """

    path: Path
    frame: pl.LazyFrame
    form: str
    found: tuple[str, ...]
    sources: Mapping[str, Sequence[str]]
    dialect: Dialect

    @property
    def fields(self) -> pl.LazyFrame:
        """The fields alone."""
        return self.frame.drop(BESIDE)


def open_log(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    dialect: Dialect = DETECTED,
    events: EventNames = event_name,
) -> OpenLog:
    """Open a log of any kind. Raises LogError if a required field has no column."""
    table = open_table(path, dialect)
    check_named(path, table, dialect)
    given = mapping or {}
    sources = _sources(path, table, given, dialect)
    if sources is None:
        frame, form = event_rows(path, table, given, dialect, events)
        return OpenLog(path, frame, form, (*table.found, f"events of the form {form}"), {}, dialect)
    lists = list_column(table, given)
    sources = {field: [name for name in of if name != lists] for field, of in sources.items()}
    columns = [_column(table, field, of).alias(field) for field, of in sources.items() if of]
    if lists:
        table, columns = with_items(table, columns, lists)
        sources |= list_sources(sources, lists)
    if dialect.event is not None:
        columns = [column for column in columns if column.meta.output_name() != "event"]
        columns.append(pl.lit(dialect.event).alias("event"))
    if not sources["event_id"]:
        columns.insert(0, row_id(table.fingerprint, dialect).alias("event_id"))
    frame = table.frame.select(*columns, LINE, BROKEN, pl.lit(None, dtype=pl.String).alias(FAULT))
    resolved = _resolved(frame, dialect)
    found = (*table.found, *spelled_alike(table.names), *_said(sources, dialect, resolved))
    return OpenLog(path, frame, TABLE, found, sources, resolved)


def row_id(fingerprint: str, dialect: Dialect) -> pl.Expr:
    """Ids of rows: equal for equal files, different for any others."""
    read_as = f"{dialect.event}-" if dialect.event else ""
    return pl.format("{}-{}", pl.lit(f"{fingerprint}-{read_as}".removesuffix("-")), pl.col(LINE))


def _sources(
    path: Path, table: FileTable, mapping: Mapping[str, str], dialect: Dialect
) -> dict[str, list[str]] | None:
    """The columns of each field; None where rows are nested, or events of another system."""
    usable = [name for name in table.names if name not in table.nested or _is_list_of_ours(table, name)]
    if len(usable) < len(table.names):
        return None
    columns = LogColumns(table.names, usable)
    try:
        return column_sources(path.name, columns, WIRE_FIELDS, needed(dialect), mapping)
    except LogError:
        if _is_of_a_form(table) or is_dump(table.names):
            return None
        raise


def _is_of_a_form(table: FileTable) -> bool:
    """Whether flat rows are events of another system, such as Matomo's."""
    rows = table.frame.select(table.names).head(1).collect().to_dicts()
    return bool(rows) and recognise(rows[0]) is not OWN


def _is_list_of_ours(table: FileTable, name: str) -> bool:
    """A field of several values, in Parquet."""
    return name in LISTS and table.frame.collect_schema().get(name) == pl.List


def _column(table: FileTable, field: str, of: Sequence[str]) -> pl.Expr:
    if field != "ts" or len(of) == 1:
        return pl.coalesce(_alike(table, of))
    schema = table.frame.collect_schema()
    parts = [as_text(pl.col(name), schema[name]).str.strip_chars().str.zfill(2) for name in of]
    return pl.concat_str(parts, separator="-")


def _alike(table: FileTable, names: Sequence[str]) -> list[pl.Expr]:
    """Columns of one field; as text, where their types differ."""
    schema = table.frame.collect_schema()
    if len({schema[name] for name in names}) == 1:
        return [pl.col(name) for name in names]
    return [as_text(pl.col(name), schema[name]) for name in names]


def _resolved(frame: pl.LazyFrame, dialect: Dialect) -> Dialect:
    """The dialect with what the values of all rows tell."""
    schema = frame.collect_schema()
    text = [pl.col(name) for name in sorted(AMOUNTS) if schema.get(name) == pl.String]
    amounts = text if dialect.decimal is None else []
    times = [pl.col("ts")] if schema["ts"] == pl.String and dialect.time_format is None else []
    if not amounts and not times:
        return dialect
    unread = pl.any_horizontal(
        *(_unread(column) for column in amounts), *(column.str.contains(LOCAL).any() for column in times)
    )
    if not frame.select(unread).collect().item():
        return dialect
    asked = [decimal_of(amounts).alias("decimal")] if amounts else []
    asked += [is_day_first(column).alias("day_first") for column in times]
    return replace(dialect, **frame.select(asked).collect().row(0, named=True))


def _unread(texts: pl.Expr) -> pl.Expr:
    """Whether a column has texts that are no plain numbers."""
    return (texts.cast(pl.Float64, strict=False).is_null() & texts.is_not_null()).any()


def _said(sources: Mapping[str, Sequence[str]], given: Dialect, resolved: Dialect) -> list[str]:
    said = []
    visitor = sources["visitor_id"][0]
    if collapse(visitor) in STAND_INS:
        said.append(f"visitors are told by {visitor}")
    if len(sources["ts"]) > 1:
        said.append(f"days are those of {', '.join(sources['ts'])}")
    if resolved.decimal == "," and given.decimal is None:
        said.append("amounts have decimal commas")
    if resolved.day_first is not None:
        said.append(f"dates begin with the {'day' if resolved.day_first else 'month'}")
    return said
