"""Guesses of the columns of required fields, by values and names, where no name is known."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from models.contract.aliases import EventNames
from models.contract.events import TS_MAX, TS_MIN, WIRE_FIELDS
from models.contract.values import Unreadable
from models.forms.names import collapse
from trainer.logs.item_lists import list_column
from trainer.logs.log_columns import LogColumns, column_sources
from trainer.tables.dialect import Dialect
from trainer.tables.open_table import open_table
from trainer.tables.time_text import epoch_ms, is_day_first

_ROWS = 2_000
_MOST, _SOME = 0.9, 0.5
#: Words in the names of columns.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "visitor_id": ("who", "visitor", "user", "customer", "client", "cookie", "uid", "member", "student"),
    "item_id": ("product", "item", "sku", "article", "goods", "course", "title", "asin"),
}


def guessed_columns(
    path: Path, mapping: Mapping[str, str], events: EventNames, dialect: Dialect
) -> dict[str, str]:
    """Field -> column for required fields and the item, without those of `mapping`. Raises LogError."""
    table = open_table(path, dialect)
    flat = [name for name in table.names if name not in table.nested]
    lists = list_column(table, mapping)
    known = _known(path, LogColumns(table.names, [name for name in flat if name != lists]), mapping)
    taken = {*mapping.values(), *known.values(), lists}
    names = [name for name in flat if name not in taken]
    rows = table.frame.select(names).head(_ROWS).collect()
    found: dict[str, str] = {}
    for field, column in _guesses(rows, events, dialect):
        if field not in {*mapping, *known, *found} and column not in found.values():
            found[field] = column
    return found


def _known(path: Path, columns: LogColumns, mapping: Mapping[str, str]) -> dict[str, str]:
    """The columns that need no guess."""
    own = {field: column for field, column in mapping.items() if column in columns.names}
    sources = column_sources(path.name, columns, WIRE_FIELDS, (), own)
    return {field: of[0] for field, of in sources.items() if of}


def _guesses(rows: pl.DataFrame, events: EventNames, dialect: Dialect) -> Iterator[tuple[str, str]]:
    values = {name: rows[name].drop_nulls().to_list() for name in rows.columns}
    yield from (("ts", name) for name in rows.columns if _share_of_times(rows[name], dialect) >= _MOST)
    yield from (("event", name) for name, of in values.items() if _share(of, _reads_event(events)) >= _SOME)
    for field, words in _WORDS.items():
        yield from ((field, name) for word in words for name in values if word in collapse(name))


def _share(values: list[Any], reads: Any) -> float:
    return sum(map(reads, values)) / len(values) if values else 0.0


def _share_of_times(values: pl.Series, dialect: Dialect) -> float:
    """The share of values that are times, as they would be read; dates that may be of two months are."""
    column = values.drop_nulls().alias("ts")
    if column.dtype == pl.String and dialect.day_first is None:
        told = column.to_frame().select(is_day_first(pl.col("ts"))).item()
        dialect = replace(dialect, day_first=bool(told))
    times = (
        column.to_frame().select(epoch_ms(column.dtype, dialect).is_between(TS_MIN, TS_MAX - 1)).to_series()
    )
    return int(times.sum()) / len(times) if len(times) else 0.0


def _reads_event(events: EventNames) -> Any:
    def reads(value: Any) -> bool:
        try:
            return bool(events(value))
        except Unreadable:
            return False

    return reads
