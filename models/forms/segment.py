"""Segment and RudderStack: track, page, screen and identify calls."""

from models.forms.event_paths import paths
from models.forms.form import Form, Raw, places

_CALLS = ("track", "page", "screen", "identify", "group", "alias")
_BESIDE = ("messageId", "anonymousId", "userId", "properties", "context", "traits", "originalTimestamp")


def _is_call(raw: Raw) -> bool:
    if isinstance(raw.get("batch"), list):
        return "event" not in raw
    return raw.get("type") in _CALLS and any(name in raw for name in _BESIDE)


def _named(raw: Raw) -> Raw:
    """Calls without an event's name are named by their type."""
    return {**raw, "call": raw.get("type")} if raw.get("type") != "track" else raw


SEGMENT = Form(
    "segment",
    "Segment and RudderStack",
    _is_call,
    places(
        event_id="messageId message_id",
        visitor_id="anonymousId anonymous_id userId",
        user_id="userId user_id",
        ts="timestamp originalTimestamp sentAt receivedAt",
        event="event call",
        value="properties.value properties.revenue properties.total",
        transaction_id="properties.order_id properties.orderId",
        page="context.page.url context.page.path properties.url properties.path",
        query="properties.query properties.search_term",
        promo_id="properties.promotion_id properties.promotionId",
        item_id="properties.product_id properties.productId properties.sku",
        device="context.device.type",
        country="context.location.country",
        region="context.location.region",
        channel="context.campaign.medium",
    ),
    containers=paths("properties"),
    lines=paths("properties.products"),
    reserved=frozenset({"category", "channel", "event"}),
    prepare=_named,
    batch="batch",
    merged=True,
    utc=True,
    unused=(
        "context.ip",
        "context.userAgent",
        "context.library",
        "integrations",
        "traits",
        "name",
        "rudderId",
    ),
)
