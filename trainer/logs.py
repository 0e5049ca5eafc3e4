"""Event logs of any shop as one table with the contract's column names, lazily."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from models.aliases import event_name
from models.errors import PathcastError
from models.events import WIRE_FIELDS
from models.readers import Unreadable


class LogError(PathcastError):
    """A log cannot be read or lacks what every event must have."""


#: What known logs call the contract's fields, best first. Of several categories the first that is filled counts.
KNOWN: Mapping[str, tuple[str, ...]] = {name: (name,) for name in WIRE_FIELDS} | {
    "visitor_id": (
        "visitor_id", "client_id", "user_pseudo_id", "fullVisitorId", "user_id", "user_session", "session_id",
    ),
    "ts": ("ts", "ts_ms", "timestamp_ms", "event_timestamp", "event_time", "timestamp"),
    "event": ("event", "event_name", "event_type"),
    "item_id": ("item_id", "product_id", "itemid", "sku"),
    "category": ("category", "category_code", "item_category", "category_id"),
    "brand": ("brand", "item_brand"),
    "price": ("price", "price_usd"),
}  # fmt: skip
TEXTS = frozenset(WIRE_FIELDS) - {"ts", "price", "quantity", "value", "rating", "consent", "schema_version"}
NUMBERS = ("price", "value", "rating")


def read_log(files: Sequence[Path], mapping: Mapping[str, str] | None = None) -> pl.LazyFrame:
    """All events of `files` (CSV, JSONL, each also .gz, or Parquet) in the contract's columns, ordered as they came.

    `mapping` names a log's column for a field (`{"ts": "ts_ms"}`); columns of known logs are found without it. `ts` is
    epoch ms, `event` one of EVENTS or as it was if it is none of them; `event_id` is made from file and row where there
    is none. Raises LogError for a file or a required column that is not there.
    """
    return pl.concat([_canonical(Path(file), mapping or {}) for file in files], how="diagonal_relaxed")


def scan(file: Path) -> pl.LazyFrame:
    """The file's own columns, lazily. Raises LogError where it cannot be opened."""
    kind = "".join(file.suffixes[-2:]).removesuffix(".gz").rpartition(".")[2]
    readers = {"csv": _csv, "parquet": pl.scan_parquet, "jsonl": _lines, "ndjson": _lines, "json": _lines}
    if kind not in readers:
        raise LogError(f"{file} is not a log that can be read; give CSV, JSONL (both also .gz) or Parquet")
    try:
        frame = readers[kind](file)
        frame.collect_schema()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise LogError(f"cannot read {file}: {error}; check the path and that it is {kind}") from error
    return frame


def _csv(file: Path) -> pl.LazyFrame:
    return pl.scan_csv(file, infer_schema_length=10_000, ignore_errors=True)


def _lines(file: Path) -> pl.LazyFrame:
    return pl.scan_ndjson(file, infer_schema_length=10_000, ignore_errors=True)


def _canonical(file: Path, mapping: Mapping[str, str]) -> pl.LazyFrame:
    frame = scan(file)
    found = frame.collect_schema()
    sources = columns(found.names(), mapping, str(file))
    stem = file.name.partition(".")[0]
    row = pl.int_range(pl.len()).cast(pl.String)
    fields = [_field(name, [pl.col(c) for c in chosen], found[chosen[0]]) for name, chosen in sources.items()]
    if "event_id" not in sources:
        fields.append(pl.concat_str(pl.lit(f"{stem}-"), row).alias("event_id"))
    return frame.select(fields)


def columns(names: Sequence[str], mapping: Mapping[str, str], where: str) -> dict[str, list[str]]:
    """Which columns of a log hold which field. Raises LogError naming what is missing."""
    unknown = [
        f"{field}={column}" for field, column in mapping.items() if column not in names or field not in KNOWN
    ]
    if unknown:
        raise LogError(f"{where}: cannot map {', '.join(unknown)}; its columns are {', '.join(names)}")
    chosen = {field: [c for c in candidates if c in names] for field, candidates in KNOWN.items()}
    chosen |= {field: [column] for field, column in mapping.items()}
    missing = [field for field in ("visitor_id", "ts", "event") if not chosen[field]]
    if missing:
        hint = " ".join(f"--map {field}=COLUMN" for field in missing)
        raise LogError(
            f"{where}: no column for {', '.join(missing)} among {', '.join(names)}; name it: {hint}"
        )
    if chosen["user_id"] == chosen["visitor_id"][:1]:
        chosen["user_id"] = []
    return {field: found for field, found in chosen.items() if found}


def _field(name: str, sources: list[pl.Expr], kind: pl.DataType) -> pl.Expr:
    """A field's expression: category falls back from column to column, every other field has one column."""
    if name == "category":
        return pl.coalesce(_text(source) for source in sources).alias(name)
    return _typed(name, sources[0], kind).alias(name)


def _typed(name: str, source: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if name == "ts":
        return _epoch_ms(source, kind)
    if name == "event":
        return _text(source).map_elements(_event, return_dtype=pl.String, skip_nulls=True)
    if name in TEXTS:
        return _text(source)
    if name in NUMBERS:
        return source.cast(pl.Float64, strict=False).fill_nan(None)
    return source.cast(pl.Int64, strict=False)


def _text(source: pl.Expr) -> pl.Expr:
    text = source.cast(pl.String).str.strip_chars()
    return (
        pl.when(text.str.to_lowercase().is_in(["", "(not set)", "(none)", "null", "nan"]))
        .then(None)
        .otherwise(text)
    )


def _event(value: str) -> str:
    try:
        return event_name(value)
    except Unreadable:
        return value


def _epoch_ms(source: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """From a date, an ISO-8601 text (UTC where it does not say), or a number of s, ms or µs."""
    if kind.is_temporal():
        return source.dt.epoch("ms")
    if kind == pl.String:
        plain = source.str.replace(" UTC", "Z").str.replace(" ", "T")
        return plain.str.to_datetime(time_zone="UTC", strict=False).dt.epoch("ms")
    number = source.cast(pl.Float64)
    scaled = (
        pl.when(number > 1e14).then(number / 1e3).when(number < 1e11).then(number * 1e3).otherwise(number)
    )
    return scaled.round().cast(pl.Int64)
