"""Matomo: requests of its tracker as JSON, and visits of its Live API."""

from typing import Any

from models.forms.event_paths import paths, plain
from models.forms.form import Form, Raw, places

_TRACKER = ("_id", "idvisitor", "cid", "rec", "ec_items", "ec_id", "action_name", "e_c", "_pks", "cdt")
_LINKS = {"download": "download", "outlink": "link"}
_POSITIONS = ("item_id", "title", "category", "price", "quantity")


def _is_tracked(raw: Raw) -> bool:
    return "actionDetails" in raw or ("idsite" in raw and any(name in raw for name in _TRACKER))


def _named(raw: Raw) -> Raw:
    """With the event's name, which Matomo leaves to the parts that are there."""
    details = raw.get("actionDetails")
    if isinstance(details, list):
        action = details[0] if details and isinstance(details[0], dict) else {}
        return {**raw, "named": _name_of_action(action)}
    name = _name_of_request(raw)
    return {**_cart(raw), "named": name} if name == "ecommerce_cart" else {**raw, "named": name}


def _name_of_action(action: dict[str, Any]) -> Any:
    kind = action.get("type")
    if kind in ("search", "siteSearch"):
        return "search"
    if kind in ("action", "pageView", "page"):
        return "product_view" if action.get("productViewSku") else "page_view"
    known = {"ecommerceOrder": "purchase", "ecommerceAbandonedCart": "page_view"}
    return action.get("eventAction") if kind == "event" else known.get(str(kind), kind)


def _name_of_request(raw: Raw) -> Any:
    if raw.get("ec_id"):
        return "purchase"
    if "ec_items" in raw:
        return "ecommerce_cart"
    if (passive := _passive(raw)) is not None:
        return passive
    if raw.get("search"):
        return "search"
    if raw.get("e_a"):
        return raw["e_a"]
    if raw.get("c_n"):
        return "content_interaction" if raw.get("c_i") else "content_impression"
    if raw.get("_pks") or raw.get("_pkn"):
        return "product_view"
    return "category_view" if raw.get("_pkc") else "page_view"


def _passive(raw: Raw) -> str | None:
    """What the tracker reports beside pages: heartbeats, files, links to others, goals that are no orders."""
    if str(raw.get("ping") or "0") != "0":
        return "ping"
    if str(raw.get("idgoal") or "0") != "0":
        return "goal"
    return next((name for name, part in _LINKS.items() if raw.get(part)), None)


def _cart(raw: Raw) -> Raw:
    """A cart is sent whole each time it changes: its last item counts as the one that was added."""
    items = plain(raw.get("ec_items"))
    kept = items[-1:] if isinstance(items, list) else []
    return {**raw, "ec_items": kept, "revenue": None, "added": "add_to_cart" if kept else "page_view"}


MATOMO = Form(
    "matomo",
    "Matomo",
    _is_tracked,
    places(
        event_id="event_id actionDetails.pageId actionDetails.orderId",
        visitor_id="_id idvisitor cid visitorId uid",
        user_id="uid userId",
        ts="actionDetails.timestamp cdt timestamp serverTimestamp",
        event="added named e_c",
        transaction_id="ec_id actionDetails.orderId",
        value="revenue actionDetails.revenue",
        query="search actionDetails.siteSearchKeyword",
        page="actionDetails.url url",
        promo_id="c_n",
        item_id="_pks _pkn actionDetails.productViewSku actionDetails.productViewName",
        price="_pkp actionDetails.productViewPrice",
        category="_pkc actionDetails.productViewCategory",
        device="deviceType",
        country="country",
        channel="referrerType",
    ),
    lines=paths("ec_items", "actionDetails.itemDetails"),
    line=places(item_id="item_id itemSKU itemName title", category="category itemCategory"),
    positions=_POSITIONS,
    reserved=frozenset({"search", "revenue"}),
    prepare=_named,
    batch="actionDetails",
    utc=True,
    unused=("idsite", "rec", "rand", "urlref", "res", "ec_tx", "ec_sh", "ec_dt", "e_n", "e_v", "pv_id"),
)
