"""Producers' other names of the contract's fields: camelCase, GA4's, and those of other systems."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

#: From any spelling of a field's name to the field, or None.
Finder = Callable[[str], str | None]
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "event_id": ("id", "message_id"),
    "visitor_id": ("client_id", "user_pseudo_id", "anonymous_id", "full_visitor_id"),
    "ts": ("timestamp", "time", "event_timestamp", "event_time", "ts_ms", "timestamp_ms", "timestamp_micros"),
    "event": ("event_name", "event_type"),
    "item_id": ("product_id", "sku"),
    "category": ("item_category", "category_code"),
    "brand": ("item_brand",),
    "value": ("revenue", "purchase_revenue", "transaction_total"),
    "query": ("search_term",),
    "page": ("page_location", "page_path", "url"),
    "promo_id": ("promotion_id",),
    "transaction_id": ("order_id",),
    "device": ("device_category",),
    "title": ("name", "item_name", "product_name"),
    "stock": ("inventory",),
    "params": ("event_params", "properties", "payload", "data", "attributes"),
    "items": (
        "products",
        "line_items",
        "order_items",
        "cart_items",
        "product",
        "item",
        "contents",
        "transaction_products",
    ),
    "status": ("order_status", "financial_status"),
}


@lru_cache(maxsize=16_384)
def collapse(name: str) -> str:
    """`addToCart`, `ADD_TO_CART` and `Add to cart` are one name: `addtocart`."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def collapsed(names: Iterable[str]) -> dict[str, str]:
    """The names by their collapsed forms."""
    return {collapse(name): name for name in names}


def finder(names: Iterable[str]) -> Finder:
    """A function from any spelling or known other name to one of `names`, or None."""
    fields = collapsed(names)
    for name in set(fields.values()) & _OTHER_NAMES.keys():
        fields |= dict.fromkeys(map(collapse, _OTHER_NAMES[name]), name)

    @lru_cache(maxsize=4096)
    def find(name: str) -> str | None:
        return fields.get(collapse(name))

    return find
