"""Which column of a log holds which field of the contract. CSV headers are checked without polars."""

import csv
import gzip
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from models.contract.events import REQUIRED_FIELDS, WIRE_FIELDS
from trainer.logs.reading import LogError, kind

#: Where a field is found in known logs (REES46, GA4 exports, others); those present are coalesced in order.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "event_id": ("event_id", "message_id"),
    "visitor_id": (
        "visitor_id",
        "client_id",
        "user_pseudo_id",
        "fullvisitorid",
        "user_session",
        "session_id",
    ),
    "ts": ("ts", "ts_ms", "timestamp_ms", "timestamp", "event_time", "event_timestamp", "time"),
    "event": ("event", "event_name", "event_type"),
    "item_id": ("item_id", "product_id", "itemid", "sku"),
    # REES46 names only some categories and numbers all of them: a number is still a category.
    "category": ("category", "category_code", "item_category", "category_id"),
    "brand": ("brand", "item_brand"),
    "price": ("price", "price_usd"),
    "query": ("query", "search_term"),
    "page": ("page", "page_location", "url"),
    "title": ("title", "name", "item_name", "product_name"),
}
ITEM_FIELDS = ("item_id", "category", "brand", "price", "title", "stock", "status")
#: Fields of a click that a log must have; ids are made where it has none.
NEEDED = tuple(field for field in REQUIRED_FIELDS if field != "event_id")
_HEADER_CHARACTERS = 1 << 20


class LogColumns(NamedTuple):
    """The names of a file's columns, and those of them whose values a field can have (no nested ones)."""

    names: Sequence[str]
    usable: Sequence[str]


def check_columns(files: Sequence[Path], mapping: Mapping[str, str]) -> None:
    """Check that the headers of CSV and Parquet files have the columns that `read_log` needs.

    Files that show their columns only with their rows are left to `read_log`. Raises LogError.
    """
    for path in files:
        columns = _header(path)
        if columns is not None:
            column_sources(path, columns, WIRE_FIELDS, NEEDED, mapping)


def column_sources(
    path: Path,
    columns: LogColumns,
    fields: Sequence[str],
    required: Sequence[str],
    mapping: Mapping[str, str],
) -> dict[str, list[str]]:
    """The columns that each field is read from, the first one that has a value counts; none: no column.

    `mapping` is field -> column and comes before COLUMNS. Raises LogError for a `required` field without a
    column, and for a mapping that names an unknown field or column.
    """
    flat = {name.lower(): name for name in columns.usable}
    _check_mapping(path, mapping, columns.names, fields)
    sources = {field: _sources(field, flat, mapping) for field in fields}
    absent = [field for field in required if not sources[field]]
    if absent:
        raise LogError(
            f"{path.name} has no column for {', '.join(absent)}; its columns are "
            f"{', '.join(columns.names)}: name one, such as --map {absent[0]}=COLUMN"
        )
    return sources


def _header(path: Path) -> LogColumns | None:
    """The columns of a CSV or Parquet file; None where its rows must be read first, or it is damaged."""
    form = kind(path)
    try:
        if form == ".parquet":
            return _parquet_header(path)
        if form not in {".csv", ".tsv"}:
            return None
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            first = lines.readline(_HEADER_CHARACTERS).decode("utf-8-sig")
        names = next(csv.reader([first], delimiter="\t" if form == ".tsv" else ","), [])
    except (csv.Error, OSError, EOFError, UnicodeDecodeError, zlib.error):
        return None  # reading the rows reports what is wrong with the file
    return LogColumns(names, names) if names else None


def _parquet_header(path: Path) -> LogColumns | None:
    import polars as pl

    try:
        schema = pl.read_parquet_schema(path)
    except pl.exceptions.PolarsError:
        return None
    usable = [name for name, form in schema.items() if not form.is_nested() or name == "basket"]
    return LogColumns(list(schema), usable)


def _sources(field: str, flat: Mapping[str, str], mapping: Mapping[str, str]) -> list[str]:
    if field in mapping:
        return [mapping[field]]
    return [flat[name] for name in COLUMNS.get(field, (field,)) if name in flat]


def _check_mapping(
    path: Path, mapping: Mapping[str, str], columns: Sequence[str], fields: Sequence[str]
) -> None:
    for field, column in mapping.items():
        if column not in columns:
            listed = ", ".join(columns)
            raise LogError(
                f"--map {field}={column}: {path.name} has no such column, expected one of {listed}"
            )
        if field not in {*fields, *ITEM_FIELDS, *WIRE_FIELDS}:
            raise LogError(f"--map {field}={column}: no such field, expected one of {', '.join(fields)}")
