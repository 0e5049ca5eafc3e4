"""Event logs as files (CSV, JSON lines, Parquet) read lazily into the columns of the contract."""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from models.contract.aliases import EventNames, event_name
from models.contract.events import REQUIRED_FIELDS, WIRE_FIELDS
from trainer.examples.columns import typed
from trainer.logs.reading import JSON_LINES, LogError, kind, reading

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
_ROW = "pathcast row"
_HEADER_BYTES = 1 << 20
_NEEDED = tuple(field for field in REQUIRED_FIELDS if field != "event_id")


def read_log(
    files: Sequence[Path], mapping: Mapping[str, str] | None = None, events: EventNames = event_name
) -> pl.LazyFrame:
    """Events in file order, one column per contract field found, typed; what cannot be read is null.

    `mapping` is field -> column, before the automatic one; `events` reads event names. Columns: `ts` Int64
    (epoch ms), amounts Float64, counts Int64, `consent` Boolean, all else String. A log without event ids
    gets `<file stem>-<row number>`.
    Raises LogError.
    """
    return pl.concat([typed(renamed(path, mapping or {}), events) for path in files], how="diagonal")


def read_items(path: Path, mapping: Mapping[str, str] | None = None) -> pl.LazyFrame:
    """Catalogue rows with the columns of ITEM_FIELDS that the file has. Raises LogError."""
    frame = scan(path)
    fields = _select(frame, path, ITEM_FIELDS, ("item_id",), mapping or {})
    return typed(frame.select(fields)).filter(pl.col("item_id").is_not_null())


def renamed(path: Path, mapping: Mapping[str, str]) -> pl.LazyFrame:
    """The file's rows under the contract's names, `event_id` first, values as they are in the file.

    Raises LogError if a required field has no column.
    """
    frame = scan(path)
    fields = _select(frame, path, WIRE_FIELDS, _NEEDED, mapping)
    if not any(field.meta.output_name() == "event_id" for field in fields):
        fields = [
            pl.format("{}-{}", pl.lit(path.name.split(".")[0]), pl.col(_ROW)).alias("event_id"),
            *fields,
        ]
    return frame.with_row_index(_ROW).select(fields)


def check_columns(files: Sequence[Path], mapping: Mapping[str, str]) -> None:
    """Raises the LogError of `read_log` for missing columns, where a file tells its columns in its header.

    A long CSV file is unpacked and looked through as a whole before its columns are known otherwise.
    """
    for path in files:
        header = _header(path)
        if header is not None:
            _select(header, path, WIRE_FIELDS, _NEEDED, mapping)


def _header(path: Path) -> pl.LazyFrame | None:
    """No rows, with the columns of a CSV or Parquet file; None where they cannot be had without its rows."""
    form = kind(path)
    try:
        if form == ".parquet":
            return pl.LazyFrame(schema=pl.read_parquet_schema(path))
        if form not in {".csv", ".tsv"}:
            return None
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            first = lines.readline(_HEADER_BYTES)
        return pl.read_csv(first, infer_schema=False, separator="\t" if form == ".tsv" else ",").lazy()
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error):
        return None  # whoever reads the rows says what is wrong with the file


def scan(path: Path) -> pl.LazyFrame:
    """The file's own columns, read in batches; CSV values stay text, so that ids keep their zeros."""
    form = kind(path)
    if not path.is_file():
        raise LogError(f"{path} is no file: name a CSV, JSON lines or Parquet log")
    with reading([path]):
        if form in {".csv", ".tsv"}:
            frame = pl.scan_csv(path, infer_schema=False, separator="\t" if form == ".tsv" else ",")
        elif form in JSON_LINES:
            frame = pl.scan_ndjson(path, infer_schema_length=10_000)
        elif form == ".parquet":
            frame = pl.scan_parquet(path)
        else:
            raise LogError(
                f"{path.name} is no known kind of log: expected .csv, .tsv, .jsonl (or .gz), .parquet"
            )
        frame.collect_schema()
    return frame


def _select(
    frame: pl.LazyFrame,
    path: Path,
    fields: Sequence[str],
    required: Sequence[str],
    mapping: Mapping[str, str],
) -> list[pl.Expr]:
    schema = frame.collect_schema()
    flat = {
        name.lower(): name for name, kind in schema.items() if not kind.is_nested() or _is_basket(name, kind)
    }
    _check_mapping(path, mapping, schema.names(), fields)
    sources = {field: _sources(field, flat, mapping) for field in fields}
    absent = [field for field in required if not sources[field]]
    if absent:
        raise LogError(
            f"{path.name} has no column for {', '.join(absent)}; its columns are "
            f"{', '.join(schema.names())}: name one, such as --map {absent[0]}=COLUMN"
        )
    return [pl.coalesce(columns).alias(field) for field, columns in sources.items() if columns]


def _is_basket(name: str, kind: pl.DataType) -> bool:
    """The one field of several values."""
    return name == "basket" and kind == pl.List(pl.String)


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
