"""The items of an event: one entry of an array each, with an id, a price and a quantity by some name."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from models.forms.event_paths import Path, at, first, plain
from models.forms.form import Form
from models.forms.missing import is_missing
from models.forms.names import collapse

#: Fields of an item by their names in an entry, best first.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "item_id": (
        *("item_id", "product_id", "sku", "id", "product_sku", "item_sku", "variant_id"),
        *("item_name", "product_name", "name", "title"),
    ),
    "price": ("price", "unit_price", "item_price"),
    "quantity": ("quantity", "qty"),
    "category": ("category", "item_category", "category_code", "product_category"),
    "brand": ("brand", "item_brand", "vendor"),
    "currency": ("currency", "currency_code"),
    "promo_id": ("promo_id", "promotion_id"),
    "decision_id": ("decision_id",),
    "recommendation_id": ("recommendation_id",),
    "rating": ("rating",),
}
_RANKS: Mapping[str, tuple[str, int]] = {
    collapse(name): (field, rank) for field, names in _NAMES.items() for rank, name in enumerate(names)
}
_LONGEST_NAME = 40
#: Fields of an event's further items.
FURTHER = {"basket": "item_id", "basket_prices": "price", "basket_quantities": "quantity"}
Line = dict[str, Any]


def entries_at(raw: Any, places: Sequence[Path]) -> tuple[list[Any], str]:
    """The entries of the first place that has some, and the place as text."""
    for steps in places:
        found = plain(at(raw, steps))
        if found and isinstance(found, list | dict):
            return found if isinstance(found, list) else [found], ".".join(steps)
    return [], ""


@lru_cache(maxsize=4096)
def _ranked(name: str) -> tuple[str, int] | None:
    """The field that a name in an entry means, and how good a name of it that is (0: the best)."""
    return _RANKS.get(collapse(name)) if len(name) <= _LONGEST_NAME else None


def line(entry: Any, form: Form) -> Line:
    """An item's fields; empty for an entry that is no item."""
    if isinstance(entry, list):
        # A category may be an array of several.
        single = (value[0] if isinstance(value, list) and value else value for value in entry)
        entry = dict(zip(form.positions, single, strict=False))
    if not isinstance(entry, dict):
        return {}
    found = _common(entry)
    for field, places in form.line.items():
        found.pop(field, None)
        value, _ = first(entry, places)
        if value is not None:
            found[field] = value
    return found


def _common(entry: Line) -> Line:
    """The fields of an entry by their common names, the best one of each."""
    found: Line = {}
    ranks: dict[str, int] = {}
    for name, value in entry.items():
        known = _ranked(name)
        if known is None or is_missing(value):
            continue
        field, rank = known
        if rank < ranks.get(field, len(_RANKS)):
            found[field], ranks[field] = value, rank
    return found


def with_lines(fields: Line, lines: list[Line]) -> Line:
    """An event's fields with those of its items: one is the event's own, the others are its basket.

    The own item is the one that the event names itself, else the first that has an id. What the event says
    itself goes before what its item says.
    """
    named = fields.get("item_id")
    own = next((at for at, found in enumerate(lines) if _is_own(found, named)), None)
    if own is None:
        own = None if named is not None else 0
    first = {} if own is None else lines[own]
    rest = [found for at, found in enumerate(lines) if at != own]
    return first | (_basket(rest) if rest and "basket" not in fields else {}) | fields


def _is_own(found: Line, named: Any) -> bool:
    item_id = found.get("item_id")
    if named is None:
        return item_id is not None
    return isinstance(item_id, str | int) and isinstance(named, str | int) and str(item_id) == str(named)


def _basket(lines: list[Line]) -> Line:
    """The basket's fields; prices and quantities only where some item has one."""
    columns = {field: [found.get(name) for found in lines] for field, name in FURTHER.items()}
    return {
        field: values
        for field, values in columns.items()
        if field == "basket" or any(value is not None for value in values)
    }
