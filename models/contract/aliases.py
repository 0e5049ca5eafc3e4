"""Producers' other names and places of fields and events: camelCase, GA4's nested objects."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from models.contract.events import EVENT_CODES, EVENTS, WIRE_FIELDS
from models.contract.values import NUMBER_CHARS, Unreadable, is_missing
from models.errors import PathcastError

#: Objects whose fields count as the event's own; an outer field takes precedence.
CONTAINERS = frozenset({"params", "ecommerce", "items"})
_LONGEST_NAME = 40

Finder = Callable[[str], str | None]


class EventMapError(PathcastError):
    """A map of event names cannot be used."""


def collapse(name: str) -> str:
    """`addToCart`, `ADD_TO_CART` and `Add to cart` are one name: `addtocart`."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def _collapsed(names: Iterable[str]) -> dict[str, str]:
    return {collapse(name): name for name in names}


_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "event_id": ("id", "message_id"),
    "visitor_id": ("client_id", "user_pseudo_id", "anonymous_id", "full_visitor_id"),
    "ts": ("timestamp", "time", "event_timestamp", "event_time", "ts_ms", "timestamp_ms", "timestamp_micros"),
    "event": ("event_name", "event_type"),
    "item_id": ("product_id", "sku"),
    "category": ("item_category", "category_code"),
    "brand": ("item_brand",),
    "value": ("revenue", "purchase_revenue"),
    "query": ("search_term",),
    "page": ("page_location", "page_path", "url"),
    "promo_id": ("promotion_id",),
    "device": ("device_category",),
    "title": ("name", "item_name", "product_name"),
    "stock": ("inventory",),
    "params": ("event_params",),
}
_CONTRACT: Mapping[str, str] = _collapsed(EVENT_CODES)
_EVENT_NAMES: Mapping[str, str] = {
    **_CONTRACT,
    "viewsearchresults": "search",
    "screenview": "page_view",
    "viewcart": "page_view",
    "addshippinginfo": "begin_checkout",
    "view": "view_item",
    "cart": "add_to_cart",
    "remove": "remove_from_cart",
    "checkout": "begin_checkout",
}


class EventNames:
    """One of EVENTS, from any spelling of it, from a known other name, or from a name of `mapping`.

    `mapping` (other name -> name of EVENTS) goes before the known other names, so that a log of another
    domain says what its events mean. Raises EventMapError.
    """

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        self.mapping = dict(mapping or {})
        for name, event in self.mapping.items():
            _check(name, event)
        self._known = {**_EVENT_NAMES, **{collapse(name): event for name, event in self.mapping.items()}}

    def __call__(self, value: Any) -> str:
        """The event's name. Raises Unreadable."""
        if not isinstance(value, str) or len(value) > NUMBER_CHARS:
            raise Unreadable
        found = self._known.get(collapse(value))
        if found is None:
            raise Unreadable
        return found


def _check(name: str, event: str) -> None:
    if event not in EVENT_CODES:
        raise EventMapError(
            f"event map, {name} = {event!r}: no event of the contract; choose from {', '.join(EVENTS)}"
        )
    own = _CONTRACT.get(collapse(name), event)
    if own != event:
        raise EventMapError(
            f"event map, {name} = {event!r}: {own} is the contract's own name and means itself; "
            "leave it out, or send the event by another name"
        )


event_name = EventNames()


def finder(names: Iterable[str]) -> Finder:
    """A function from any spelling or known other name to one of `names`, or None."""
    fields = _collapsed(names)
    for name in set(fields.values()) & _OTHER_NAMES.keys():
        fields |= dict.fromkeys(map(collapse, _OTHER_NAMES[name]), name)

    @lru_cache(maxsize=4096)
    def find(name: str) -> str | None:
        return fields.get(collapse(name))

    return find


CLICK_FIELD = finder((*WIRE_FIELDS, *CONTAINERS))


def gather(raw: dict[str, Any], find: Finder) -> dict[str, Any]:
    """The fields that were sent, by their names in the contract; missing values are left out."""
    found: dict[str, Any] = {}
    layers = [raw]
    for layer in layers:
        found = _own(layer, layers, find) | found
    return found


def _own(layer: dict[str, Any], layers: list[dict[str, Any]], find: Finder) -> dict[str, Any]:
    """Fields of one object; nested objects with more fields are appended to `layers`."""
    own: dict[str, Any] = {}
    for name, value in layer.items():
        field = find(name) if len(name) <= _LONGEST_NAME else None
        if field is None or is_missing(value):
            continue
        if field in CONTAINERS:
            entries = [_identified(v) for v in (value if isinstance(value, list) else [value])]
            layers.extend(entry for entry in entries[:1] if entry)
            if len(entries) > 1:
                own.setdefault("basket", [entry.get("item_id") for entry in entries[1:]])
        elif name == field:
            own[field] = value
        else:
            own.setdefault(field, value)
    return own


def _identified(entry: Any) -> dict[str, Any]:
    """GA4 asks for one of item_id and item_name."""
    if not isinstance(entry, dict):
        return {}
    return {"item_id": entry["item_name"], **entry} if "item_name" in entry else entry
