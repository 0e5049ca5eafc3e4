"""Event logs as files (CSV, JSON lines, Parquet) read lazily into the columns of the contract."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from models.contract.aliases import EventNames, event_name
from models.contract.events import WIRE_FIELDS
from trainer.examples.columns import typed
from trainer.logs.log_columns import ITEM_FIELDS, NEEDED, LogColumns, column_sources
from trainer.logs.reading import JSON_LINES, LogError, kind, reading

_ROW = "pathcast row"


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
    fields = _select(frame, path, WIRE_FIELDS, NEEDED, mapping)
    if not any(field.meta.output_name() == "event_id" for field in fields):
        fields = [
            pl.format("{}-{}", pl.lit(path.name.split(".")[0]), pl.col(_ROW)).alias("event_id"),
            *fields,
        ]
    return frame.with_row_index(_ROW).select(fields)


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
    usable = [name for name, kind in schema.items() if not kind.is_nested() or _is_basket(name, kind)]
    sources = column_sources(path, LogColumns(schema.names(), usable), fields, required, mapping)
    return [pl.coalesce(columns).alias(field) for field, columns in sources.items() if columns]


def _is_basket(name: str, kind: pl.DataType) -> bool:
    """The one field of several values."""
    return name == "basket" and kind == pl.List(pl.String)
