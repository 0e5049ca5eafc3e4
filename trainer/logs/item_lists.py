"""Items that a column of a table holds as JSON text, a list in each row, as tables of Segment and GA4 do."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import polars as pl

from models.contract.aliases import CLICK_FIELD
from models.contract.values import Unreadable, number, string
from models.forms.event_paths import plain
from models.forms.lines import FURTHER, Line, line, with_lines
from models.forms.missing import MISSING, is_missing
from models.forms.own import OWN
from trainer.eventlog.log_tables import LISTS
from trainer.tables.table import FileTable

#: The column of the items as read, beside the file's own.
_TOLD = "_items"
_WORDS = sorted(MISSING)
_SAMPLE, _MOST = 200, 0.5
_AMOUNTS: Final = frozenset({"price", "rating"})
#: What a list tells beside the further items.
_TEXTS = ("item_id", "price", "quantity", "category", "brand", "currency", "promo_id")
_SCHEMA: Mapping[str, Any] = {**dict.fromkeys(_TEXTS, pl.String), **LISTS}


def list_column(table: FileTable, mapping: Mapping[str, str]) -> str | None:
    """The column with lists of items: what `item_id` is mapped to, or one called such as `products`."""
    schema = table.frame.collect_schema()
    named = [name for name in table.names if CLICK_FIELD(name) == "items"]
    asked = [mapping["item_id"]] if "item_id" in mapping else []
    texts = (name for name in (*asked, *named) if schema.get(name) == pl.String)
    return next((name for name in texts if _has_lists(table.frame, name)), None)


def _has_lists(frame: pl.LazyFrame, name: str) -> bool:
    text = pl.col(name).str.strip_chars()
    sample = frame.select(text).filter(text.fill_null("") != "").head(_SAMPLE).collect()[name]
    return len(sample) > 0 and sample.str.contains(r"^[\[{]").sum() >= _MOST * len(sample)


def with_items(table: FileTable, columns: Sequence[pl.Expr], name: str) -> tuple[FileTable, list[pl.Expr]]:
    """The table and its columns with what the lists in column `name` tell: what the row says goes before it.

    The table says of how many rows the text is no list of items.
    """
    said = {column.meta.output_name(): column for column in columns}
    schema = table.frame.select(columns).collect_schema()
    own = said.get("item_id", pl.lit(None)).cast(pl.String).alias("own")
    read = pl.struct(pl.col(name).alias("text"), own).map_batches(
        _structs, return_dtype=pl.Struct(dict(_SCHEMA))
    )
    frame = table.frame.with_columns(read.alias(_TOLD))
    for field in _SCHEMA:
        told = pl.col(_TOLD).struct.field(field)
        if field in said:
            told = pl.coalesce(_present(said[field], schema[field]), told.cast(schema[field], strict=False))
        said[field] = told.alias(field)
    return table._replace(frame=frame, found=(*table.found, *_found(table, name))), list(said.values())


def list_sources(sources: Mapping[str, Sequence[str]], name: str) -> dict[str, list[str]]:
    """The places of fields that may come from the lists in column `name`."""
    places = {field: f"{name}[].{FURTHER.get(field, field)}" for field in _SCHEMA} | {"item_id": name}
    return {field: [*sources.get(field, ()), place] for field, place in places.items()}


def _present(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """The column with null for texts that say nothing."""
    return pl.when(~column.str.strip_chars().is_in(_WORDS)).then(column) if kind == pl.String else column


def _found(table: FileTable, name: str) -> list[str]:
    texts = table.frame.select(pl.col(name)).collect()[name].to_list()
    lost = sum(not is_missing(text) and not _is_read(plain(text.strip())) for text in texts)
    said = f"items are those of the lists in {name}"
    return [said, f"{lost:,} texts in {name} are no lists of items"] if lost else [said]


def _is_read(found: Any) -> bool:
    return not isinstance(found, str) and (not found or any("item_id" in one for one in _lines(found)))


def _lines(found: Any) -> list[Line]:
    entries = found if isinstance(found, list) else [found] if isinstance(found, dict) else []
    return [line(entry, OWN) for entry in entries]


def _structs(rows: pl.Series) -> pl.Series:
    found = [_fields(row["text"], row["own"]) for row in rows.to_list()]
    return pl.Series(rows.name, found, dtype=pl.Struct(dict(_SCHEMA)), strict=False)


def _fields(text: str | None, own: str | None) -> dict[str, Any]:
    if is_missing(text) or text is None:
        return {}
    named = {} if is_missing(own) else {"item_id": own}
    lines = _lines(plain(text.strip()))
    merged = with_lines(named, lines) if lines else {}
    told = {name: _text(name, merged[name]) for name in _TEXTS if name in merged}
    return told | {name: list(_values(name, merged[name])) for name in FURTHER if name in merged}


def _text(name: str, value: Any) -> str | None:
    """A value as text; an amount so that a decimal comma elsewhere in the table does not change it."""
    try:
        if name in _AMOUNTS:
            return _pointless(number(value))
        return string(value)
    except Unreadable:
        return value if isinstance(value, str) else None


def _pointless(value: float) -> str:
    """12.5 as 125E-1."""
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    return f"{'-' if value < 0 else ''}{''.join(map(str, digits))}E{exponent}"


def _values(name: str, values: Iterable[Any]) -> Iterable[Any]:
    """A column of the basket; None where an item does not say, or not readably."""
    for value in values:
        try:
            yield string(value) if name == "basket" else _amount(name, number(value))
        except Unreadable:
            yield None


def _amount(name: str, value: float) -> float:
    return round(value) if name == "basket_quantities" else value
