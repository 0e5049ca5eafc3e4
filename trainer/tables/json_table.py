"""Flat entries of JSON as a table of text. Columns are those of the whole file."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from models.contract.aliases import CLICK_FIELD
from models.contract.normalise import parse
from models.contract.values import Unreadable, string
from models.forms.own import OWN
from models.forms.table import recognise
from trainer.tables.delimited import written
from trainer.tables.json_entries import json_entries
from trainer.tables.log_error import LogError
from trainer.tables.plain_file import PlainFile
from trainer.tables.table import BROKEN, LINE, FileTable


class EntryKeys(NamedTuple):
    """The keys of all entries in their order, and those of them with objects or lists."""

    names: tuple[str, ...]
    nested: frozenset[str]


def json_table(file: PlainFile) -> FileTable:
    """The flat columns of a file of JSON; `nested` names the others. Raises LogError without any object."""
    keys = _keys(file)
    if not keys.names:
        raise LogError(f"{file.name} holds no JSON object{_fault(file.path)}: mend it, or send one a line")
    _check_wrapper(file)
    flat = tuple(name for name in keys.names if name not in keys.nested)
    return FileTable(_frame(file, flat), keys.names, (), file.fingerprint, keys.nested)


def _check_wrapper(file: PlainFile) -> None:
    """A file that is one object around a list of events holds no event of its own. Raises LogError."""
    found = [entry(text) for _, text in islice(json_entries(file.path), 2)]
    row = found[0] if len(found) == 1 else None
    if row is None or recognise(row) is not OWN or {"visitor_id", "event"} & set(map(CLICK_FIELD, row)):
        return
    lists = [name for name, value in row.items() if isinstance(value, list) and _is_rows(value)]
    if len(lists) == 1:
        raise LogError(
            f"{file.name} is one JSON object around a list of {len(row[lists[0]]):,} rows, {lists[0]!r}: "
            f"write that list alone to a file, such as by jq '.{lists[0]}'"
        )


def _is_rows(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, dict) for value in values)


def _fault(path: Path) -> str:
    """Where a file that is no JSON ceases to be."""
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        return f" ({error})"
    return ""


def entry(text: bytes) -> dict[str, Any] | None:
    """An entry as an object; None if it is none."""
    try:
        found, _ = parse(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_unicode(text: str) -> bool:
    """Whether a text is without lone surrogates, which nothing can keep."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


@lru_cache(maxsize=16)
def _keys(file: PlainFile) -> EntryKeys:
    names: dict[str, None] = {}
    nested: set[str] = set()
    for _, text in json_entries(file.path):
        found = entry(text) or {}
        names |= dict.fromkeys(filter(is_unicode, found))
        nested.update(name for name, value in found.items() if isinstance(value, dict | list))
    return EntryKeys(tuple(names), frozenset(nested))


@lru_cache(maxsize=16)
def _frame(file: PlainFile, flat: tuple[str, ...]) -> pl.LazyFrame:
    schema: dict[str, Any] = {**dict.fromkeys(flat, pl.String), LINE: pl.UInt32, BROKEN: pl.String}
    return written(_rows(file.path, flat), schema)


def _rows(path: Path, flat: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    empty = (None,) * len(flat)
    for number, text in json_entries(path):
        found = entry(text)
        if found is None:
            yield (*empty, number, text[:1000].decode(errors="replace"))
        else:
            yield (*_texts(found, flat), number, None)


def _texts(found: Mapping[str, Any], flat: tuple[str, ...]) -> Iterator[str | None]:
    for name in flat:
        value = found.get(name)
        yield value if value is None or (type(value) is str and value.isascii()) else _text(value)


def _text(value: Any) -> str | None:
    """Whole numbers have no point, so that an id is one text however it was sent."""
    if isinstance(value, str):
        return value if is_unicode(value) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return string(value)
    except Unreadable:
        return str(value)
