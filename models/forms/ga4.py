"""Google Analytics 4: the body of the Measurement Protocol, and rows of the BigQuery export."""

from typing import Any

from models.forms.event_paths import paths
from models.forms.form import Form, Raw, has, places


def _is_protocol(raw: Raw) -> bool:
    return isinstance(raw.get("events"), list) and any(
        name in raw for name in ("client_id", "app_instance_id", "user_id", "timestamp_micros")
    )


MEASUREMENT_PROTOCOL = Form(
    "ga4_mp",
    "GA4 Measurement Protocol",
    _is_protocol,
    places(
        event_id="events.params.event_id events.event_id",
        visitor_id="client_id app_instance_id",
        user_id="user_id",
        ts="events.timestamp_micros events.params.timestamp_micros timestamp_micros",
        event="events.name",
        page="events.params.page_location",
        query="events.params.search_term",
        promo_id="events.params.promotion_id events.params.items.promotion_id",
        country="user_location.country_id",
        region="user_location.region_id",
        device="device.category",
        consent="consent.ad_personalization",
    ),
    containers=paths("events.params"),
    lines=paths("events.params.items"),
    reserved=frozenset({"consent", "device"}),
    batch="events",
    unused=("user_properties", "non_personalized_ads", "events.params.session_id", "user_data"),
)


def _folded(raw: Raw) -> Raw:
    """With arrays of keys and typed values as objects."""
    folded = {name: _object(raw[name]) for name in ("event_params", "user_properties") if name in raw}
    return {**raw, **folded}


def _object(pairs: Any) -> dict[str, Any]:
    if not isinstance(pairs, list):
        return pairs if isinstance(pairs, dict) else {}
    known = [pair for pair in pairs if isinstance(pair, dict) and isinstance(pair.get("key"), str)]
    return {pair["key"]: _typed(pair.get("value")) for pair in known}


def _typed(value: Any) -> Any:
    """The one typed value that is set."""
    if not isinstance(value, dict):
        return value
    return next((entry for entry in value.values() if entry is not None), None)


BIGQUERY = Form(
    "ga4_bigquery",
    "GA4 BigQuery export",
    lambda raw: isinstance(raw.get("event_params"), list) or has("event_date", "user_pseudo_id")(raw),
    places(
        event_id="event_params.event_id",
        visitor_id="user_pseudo_id",
        user_id="user_id",
        ts="event_timestamp",
        event="event_name",
        value="ecommerce.purchase_revenue ecommerce.refund_value event_params.value",
        transaction_id="ecommerce.transaction_id event_params.transaction_id",
        page="event_params.page_location",
        query="event_params.search_term",
        promo_id="event_params.promotion_id items.promotion_id",
        device="device.category",
        country="geo.country",
        region="geo.region",
        channel="collected_traffic_source.manual_medium traffic_source.medium",
    ),
    containers=paths("event_params", "ecommerce"),
    lines=paths("items"),
    prepare=_folded,
    utc=True,
    unused=("user_properties", "app_info", "event_bundle_sequence_id", "user_ltv", "privacy_info"),
)
