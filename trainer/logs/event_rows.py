"""Files of nested events, such as a dump of the topic, read row by row as workers read records."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import polars as pl

from models.contract.aliases import CLICK_FIELD, EventNames
from models.contract.events import WIRE_FIELDS, Click, Rejected
from models.contract.normalise import normalise, read
from models.forms.own import OWN
from models.forms.table import recognise
from trainer.eventlog.log_tables import CLICKS
from trainer.logs.log_columns import LogColumns, column_sources
from trainer.tables.delimited import written
from trainer.tables.dialect import Dialect
from trainer.tables.json_entries import json_entries
from trainer.tables.json_table import entry
from trainer.tables.open_table import open_table
from trainer.tables.plain_file import PARQUET, plain_file
from trainer.tables.table import BROKEN, LINE, FileTable

#: Why a row was refused.
FAULT = "_fault"
_columns = attrgetter(*WIRE_FIELDS)
_ROWS = 20_000
_MOST = 1 << 53
_NOTHING = (None,) * (len(WIRE_FIELDS) - 1)


def event_rows(
    path: Path, table: FileTable, mapping: Mapping[str, str], dialect: Dialect, events: EventNames
) -> tuple[pl.LazyFrame, str]:
    """The rows of a file as clicks, and the names of their forms; a row of several events is several rows.

    Each content of a file is read once: a command checks a log and then uses it. Raises LogError.
    """
    asked = replace(dialect, columns=tuple(dialect.columns))
    return _event_rows(path, table.fingerprint, tuple(mapping.items()), asked, events)


@lru_cache(maxsize=16)
def _event_rows(
    path: Path,
    _fingerprint: str,
    mapping: tuple[tuple[str, str], ...],
    dialect: Dialect,
    events: EventNames,
) -> tuple[pl.LazyFrame, str]:
    reader = _Reader(path, open_table(path, dialect), dict(mapping), dialect, events)
    schema: dict[str, Any] = {**CLICKS.fields, LINE: pl.UInt32, BROKEN: pl.String, FAULT: pl.String}
    return written(reader.rows(), schema), ", ".join(reader.forms) or OWN.name


def _fitting(click: Click) -> Click:
    """With counts that columns of integers hold; the decoder has lower bounds of its own."""
    if click.quantity is not None and click.quantity > _MOST:
        click.quantity = _MOST
    if click.basket_quantities is not None:
        click.basket_quantities = tuple(count and min(count, _MOST) for count in click.basket_quantities)
    return click


class _Reader:
    def __init__(
        self,
        path: Path,
        table: FileTable,
        mapping: Mapping[str, str],
        dialect: Dialect,
        events: EventNames,
    ) -> None:
        self._path, self._table, self._dialect, self._events = path, table, dialect, events
        self._mapping, self._known = mapping, _known(path, table, mapping)
        self.forms: dict[str, None] = {}

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for line, text in _texts(self._path, self._table, self._dialect):
            for place, found in enumerate(self._clicks(line, text)):
                if isinstance(found, Click):
                    yield (*_columns(_fitting(found)), line, None, None)
                else:
                    # A passive event keeps its name, by which it is told from rows that are faulty.
                    row = (found.passive or None if name == "event" else None for name in WIRE_FIELDS[1:])
                    broken = text.decode(errors="replace")
                    yield (self._id(line, place), *row, line, broken, found.message)

    def _clicks(self, line: int, text: bytes) -> Iterator[Click | Rejected]:
        row = entry(text)
        if row is None:
            yield normalise(text, self._events)
            return
        row = _unwrapped(row)
        form = self._events.form or recognise(row)
        self.forms[form.name] = None
        for place, part in enumerate(form.events_in(row) or [row]):
            yield self._click(self._renamed(dict(part), form is OWN), self._id(line, place))

    def _click(self, part: dict[str, Any], made: str) -> Click | Rejected:
        found = self._read(part)
        if isinstance(found, Rejected) and found.field == "event_id":
            found = self._read({**part, "event_id": made})
        return found

    def _read(self, part: dict[str, Any]) -> Click | Rejected:
        return read(part, self._events, zone=self._dialect.zone).click

    def _id(self, line: int, place: int) -> str:
        return f"{self._table.fingerprint}-{line}" + (f".{place}" if place else "")

    def _renamed(self, part: dict[str, Any], own: bool) -> dict[str, Any]:
        """The part with the contract's names at its top, which count before those of any form."""
        for field, column in {**(self._known if own else {}), **self._mapping}.items():
            if (value := _at(part, column)) is not None:
                part[field] = value
        if self._dialect.event is not None:
            part["event"] = self._dialect.event
        return part


def _known(path: Path, table: FileTable, mapping: Mapping[str, str]) -> dict[str, str]:
    """Columns of known logs that are not sent by these names."""
    flat = [name for name in table.names if name not in table.nested]
    own = {field: column for field, column in mapping.items() if column in table.names}
    sources = column_sources(path.name, LogColumns(table.names, flat), WIRE_FIELDS, (), own)
    alone = {field: of[0] for field, of in sources.items() if of and (field != "ts" or len(of) == 1)}
    return {field: column for field, column in alone.items() if CLICK_FIELD(column) is None}


def _at(row: Mapping[str, Any], column: str) -> Any:
    """A value by its name, or by a path such as `properties.sku`."""
    value: Any = row
    for name in (column,) if column in row else column.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def is_dump(names: Collection[str]) -> bool:
    """Whether rows are records of a topic: a key, and the event as text."""
    return "key" in names and not {"value", "payload"}.isdisjoint(names)


def _unwrapped(row: dict[str, Any]) -> dict[str, Any]:
    """The event of a dumped record: `value` or kcat's `payload`, as an object or as text."""
    for name in ("value", "payload") if is_dump(row) else ():
        inner = row.get(name)
        if isinstance(inner, dict | str):
            found = inner if isinstance(inner, dict) else entry(inner.encode())
            if found is not None:
                return found
    return row


def _texts(path: Path, table: FileTable, dialect: Dialect) -> Iterator[tuple[int, bytes]]:
    file = plain_file(path, dialect.encoding)
    if file.kind != PARQUET:
        yield from json_entries(file.path)
        return
    for part in table.frame.drop(BROKEN).collect_batches(chunk_size=_ROWS, lazy=True):
        lines = part[LINE].to_list()
        yield from zip(lines, part.drop(LINE).write_ndjson().encode().splitlines(), strict=True)
