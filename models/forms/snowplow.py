"""Snowplow's enriched events as JSON: e-commerce entities, older self-describing events, transactions."""

import re
from functools import lru_cache
from typing import Any

from models.forms.event_paths import paths
from models.forms.form import Form, Raw, places

_ACTION = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_*"
_ENTITY = "contexts_com_snowplowanalytics_snowplow_ecommerce_"
_OLD = "unstruct_event_com_snowplowanalytics_snowplow_"
_PREFIXES = ("contexts_com_", "unstruct_event_")
_VERSION = re.compile(r"(_\d+)+$")
_MARKS = ("domain_userid", "collector_tstamp", "derived_tstamp", "dvce_created_tstamp", "network_userid")


def _is_enriched(raw: Raw) -> bool:
    named = any(name.startswith(_PREFIXES) for name in raw)
    return named or any(name in raw for name in _MARKS)


def _shredded(raw: Raw) -> Raw:
    """With entities under names that end in `*` for any version; those of `contexts` as loaders name them."""
    found: dict[str, Any] = {}
    for entry in _data(raw.get("contexts"), list):
        if name := _column("contexts_", entry):
            found.setdefault(name, []).append(entry.get("data"))
    event = _data(raw.get("unstruct_event"), dict)
    if event and (name := _column("unstruct_event_", event)):
        found[name] = event.get("data")
    # A structured event is called `event` by loaders; its action says what was done.
    left_out = ("event", "event_name") if raw.get("event_name") == "event" and raw.get("se_action") else ()
    return {_versionless(name): value for name, value in raw.items() if name not in left_out} | found


@lru_cache(maxsize=4096)
def _versionless(name: str) -> str:
    return _VERSION.sub("_*", name) if name.startswith(_PREFIXES) else name


def _data(part: Any, kind: type) -> Any:
    data = part.get("data") if isinstance(part, dict) else None
    return data if isinstance(data, kind) else kind()


def _column(prefix: str, entry: Any) -> str:
    """`iglu:com.acme/product/jsonschema/1-0-0` is `com_acme_product_*`."""
    schema = entry.get("schema") if isinstance(entry, dict) else None
    steps = schema.removeprefix("iglu:").split("/") if isinstance(schema, str) else []
    if len(steps) != 4:
        return ""
    vendor, name, *_ = steps
    return f"{prefix}{vendor}_{name}_*".replace(".", "_").replace("-", "_")


SNOWPLOW = Form(
    "snowplow",
    "Snowplow enriched JSON",
    _is_enriched,
    places(
        event_id="event_id",
        visitor_id="domain_userid network_userid user_id",
        user_id=f"user_id {_ENTITY}user_*.id",
        ts="derived_tstamp collector_tstamp dvce_created_tstamp",
        event=f"{_ACTION}.type event_name se_action event",
        transaction_id=f"{_ENTITY}transaction_*.transaction_id {_ENTITY}refund_*.transaction_id "
        "tr_orderid ti_orderid",
        value=f"{_ENTITY}refund_*.refund_amount {_ENTITY}transaction_*.revenue tr_total",
        currency=f"{_ENTITY}transaction_*.currency {_ENTITY}refund_*.currency tr_currency ti_currency",
        promo_id=f"{_ENTITY}promotion_*.id",
        item_id="ti_sku",
        price="ti_price",
        quantity="ti_quantity",
        category="ti_category",
        query=f"{_OLD}site_search_*.terms",
        page="page_url page_urlpath",
        device="dvce_type",
        country="geo_country",
        region="geo_region",
        channel="mkt_medium",
    ),
    lines=paths(f"{_ENTITY}product_*", f"{_OLD}add_to_cart_*", f"{_OLD}remove_from_cart_*"),
    reserved=frozenset({"event", "event_name"}),
    prepare=_shredded,
    utc=True,
    unused=(
        "app_id",
        "platform",
        "etl_tstamp",
        "user_ipaddress",
        "useragent",
        f"{_ENTITY}cart_*",
        "se_value",
    ),
)
