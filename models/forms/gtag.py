"""Google's data layer with enhanced e-commerce: `ecommerce.purchase.products` and the like."""

from typing import Any

from models.forms.event_paths import paths
from models.forms.form import Form, Raw, places

#: Parts of `ecommerce` with the events that they stand for, the weightiest first.
_ACTIONS = {
    "purchase": "purchase",
    "refund": "refund",
    "add": "add_to_cart",
    "remove": "remove_from_cart",
    "checkout": "begin_checkout",
    "detail": "view_item",
    "click": "select_item",
    "promoClick": "select_promotion",
    "promoView": "view_promotion",
    "impressions": "view_item_list",
}


def _action(raw: Raw) -> str | None:
    """The part of `ecommerce` that says what was done."""
    ecommerce = raw.get("ecommerce")
    if not isinstance(ecommerce, dict):
        return None
    return next((name for name in _ACTIONS if isinstance(ecommerce.get(name), dict | list)), None)


def _plain(raw: Raw) -> Raw:
    """With the action's own name beside it, and its items under `products`."""
    name = _action(raw)
    if name is None:
        return raw
    action = raw["ecommerce"][name]
    return {**raw, "action": {"name": _ACTIONS[name], **_parts(action)}}


def _parts(action: Any) -> dict[str, Any]:
    # Impressions are the items themselves.
    return {"products": action} if isinstance(action, list) else action


GTAG = Form(
    "gtag",
    "gtag and data layer, enhanced e-commerce",
    lambda raw: _action(raw) is not None,
    places(
        event="action.name",
        transaction_id="action.actionField.id",
        value="action.actionField.revenue action.actionField.value",
        currency="ecommerce.currencyCode",
        promo_id="action.promotions.id action.promotions.name",
    ),
    lines=paths("action.products", "ecommerce.items"),
    prepare=_plain,
    open=True,
    unused=("gtm.uniqueEventId", "gtm.start", "ecommerce.*.actionField.step", "ecommerce.*.actionField.list"),
)
