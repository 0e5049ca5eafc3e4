"""Which column of a log or a catalogue holds which field of the contract."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from models.contract.events import REQUIRED_FIELDS, WIRE_FIELDS
from models.forms.names import collapse
from models.forms.own import OWN
from models.forms.table import recognise
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.first_lines import first_lines
from trainer.tables.layout import layout
from trainer.tables.log_error import LogError
from trainer.tables.spelling import by_spelling

#: Where a field is found in known logs (REES46, GA4 exports, RetailRocket, others), in this order. Spelling
#: does not count: `Product ID`, `productId` and `product_id` are one name.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "event_id": ("event_id", "message_id"),
    # Who comes back is learned from visitors: a user is one for longer than a session.
    "visitor_id": (
        "visitor_id",
        "client_id",
        "user_pseudo_id",
        "full_visitor_id",
        "anonymous_id",
        "user_id",
        "customer_id",
        "user_session",
        "session_id",
    ),
    "user_id": ("user_id", "customer_id"),
    "ts": (
        *("ts", "ts_ms", "timestamp_ms", "timestamp", "event_time", "event_timestamp", "time", "datetime"),
        *("original_timestamp", "sent_at", "received_at"),
    ),
    "event": ("event", "event_name", "event_type", "behavior", "behavior_type"),
    "item_id": ("item_id", "product_id", "sku", "article_id", "variant_sku"),
    # REES46 names only some categories and numbers all of them: a number is still a category.
    "category": ("category", "category_code", "item_category", "category_id"),
    "brand": ("brand", "item_brand"),
    "price": ("price", "price_usd", "unit_price", "variant_price"),
    "value": ("value", "revenue", "purchase_revenue"),
    "query": ("query", "search_term"),
    "page": ("page", "page_location", "url"),
    "promo_id": ("promo_id", "promotion_id"),
    "device": ("device", "device_category"),
    "transaction_id": ("transaction_id", "order_id"),
    "title": ("title", "name", "item_name", "product_name"),
}
#: Further names that mean this in a catalogue only.
ITEM_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "category": ("product_type", "type"),
    "brand": ("vendor",),
    "stock": ("stock", "inventory", "variant_inventory_qty", "inventory_quantity"),
}
ITEM_FIELDS = ("item_id", "category", "brand", "price", "title", "stock", "status")
#: Fields of a click that a log must have; ids are made where it has none.
NEEDED = tuple(field for field in REQUIRED_FIELDS if field != "event_id")
#: What a visitor is told by where there is no id of the browser.
STAND_INS = frozenset(map(collapse, ("user_id", "customer_id", "user_session", "session_id")))
#: Columns whose values make a date together, in files without a time of their own.
DATE_PARTS = ("year", "month", "day")
#: Columns beside which an `id` is the event's, in Segment's tables; elsewhere it may be an item's.
_WITH_ID = frozenset({"anonymousid", "receivedat"})
#: Several columns may complete each other, but two of them would be two systems of ids or clocks.
_ONE = frozenset({"event_id", "visitor_id", "user_id", "ts", "event", "item_id", "transaction_id"})


class LogColumns(NamedTuple):
    """The names of a file's columns, and those of them whose values a field can have (no nested ones)."""

    names: Sequence[str]
    usable: Sequence[str]


def check_columns(files: Sequence[Path], mapping: Mapping[str, str], dialect: Dialect = DETECTED) -> None:
    """Check that the headers of delimited text and of Parquet have the columns that `read_log` needs.

    Files that show their columns only with their rows are left to `read_log`. Raises LogError.
    """
    for path in files:
        columns = _header(path, dialect)
        if columns is not None and recognise(dict.fromkeys(columns.names)) is OWN:
            column_sources(path.name, columns, WIRE_FIELDS, needed(dialect), mapping)


def needed(dialect: Dialect) -> list[str]:
    """The fields that a log must have columns for."""
    return [field for field in NEEDED if field != "event" or dialect.event is None]


def _header(path: Path, dialect: Dialect) -> LogColumns | None:
    lines = first_lines(path, dialect.encoding)
    if lines:
        names = layout(lines[:1000], path.name, dialect).wanted
        return LogColumns(names, names)
    return _parquet_header(path) if ".parquet" in path.suffixes else None


def _parquet_header(path: Path) -> LogColumns | None:
    import polars as pl

    from trainer.eventlog.log_tables import LISTS

    try:
        schema = pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError):
        return None
    usable = [name for name, kind in schema.items() if not kind.is_nested() or name in LISTS]
    return LogColumns(list(schema), usable) if len(usable) == len(schema) else None


def column_sources(
    name: str,
    columns: LogColumns,
    fields: Sequence[str],
    required: Sequence[str],
    mapping: Mapping[str, str],
) -> dict[str, list[str]]:
    """The columns that each field is read from, the first one that has a value counts; none: no column.

    A `ts` of several columns is a date, of the columns DATE_PARTS.

    `name` is that of the file. `mapping` is field -> column and comes before COLUMNS. Raises LogError for a
    `required` field without a column, and for a mapping that names an unknown field or column.
    """
    flat = by_spelling(columns.usable)
    _check_mapping(name, mapping, columns.names, fields)
    sources = {field: _sources(field, fields, flat, mapping) for field in fields}
    if "user_id" not in mapping and sources.get("user_id") == sources.get("visitor_id"):
        sources["user_id"] = []
    absent = [field for field in required if not sources[field]]
    if absent:
        raise LogError(
            f"{name} has no column for {', '.join(absent)}; its columns are "
            f"{', '.join(columns.names)}: name one, such as --map {absent[0]}=COLUMN{_event_advice(absent)}"
        )
    return sources


def _event_advice(absent: Sequence[str]) -> str:
    return ", or --event NAME if every row is one such event" if "event" in absent else ""


def _sources(
    field: str, fields: Sequence[str], flat: Mapping[str, str], mapping: Mapping[str, str]
) -> list[str]:
    if field in mapping:
        return [mapping[field]]
    names = COLUMNS.get(field, (field,)) + (ITEM_COLUMNS.get(field, ()) if fields == ITEM_FIELDS else ())
    if field == "event_id" and flat.keys() >= _WITH_ID:
        names = (*names, "id")
    found = [flat[collapse(name)] for name in names if collapse(name) in flat]
    if field == "ts" and not found and all(part in flat for part in DATE_PARTS):
        return [flat[part] for part in DATE_PARTS]
    return found[:1] if field in _ONE else found


def _check_mapping(
    name: str, mapping: Mapping[str, str], columns: Sequence[str], fields: Sequence[str]
) -> None:
    for field, column in mapping.items():
        if column not in columns:
            listed = ", ".join(columns)
            raise LogError(f"--map {field}={column}: {name} has no such column, expected one of {listed}")
        if field not in {*fields, *ITEM_FIELDS, *WIRE_FIELDS}:
            raise LogError(f"--map {field}={column}: no such field, expected one of {', '.join(fields)}")
