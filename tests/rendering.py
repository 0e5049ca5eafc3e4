"""Events of the contract's own form, written as other systems write the same event."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]
Renderer = Callable[[Event], Event]


def _iso(ts: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ts)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain_time(ts: int) -> str:
    """As loaders of warehouses write a time in UTC."""
    return _iso(ts).replace("T", " ").removesuffix("Z")


def lines(event: Event) -> list[Event]:
    """The items of an event, each with what is known of it."""
    own = {name: event.get(name) for name in ("item_id", "price", "quantity", "category", "brand")}
    basket = event.get("basket") or ()
    prices = event.get("basket_prices") or [None] * len(basket)
    quantities = event.get("basket_quantities") or [None] * len(basket)
    further = [
        {"item_id": item, "price": price, "quantity": quantity}
        for item, price, quantity in zip(basket, prices, quantities, strict=True)
    ]
    return [_known(line) for line in ([own] if own["item_id"] is not None else []) + further]


def _known(fields: Event) -> Event:
    return {name: value for name, value in fields.items() if value is not None}


def _renamed(line: Event, **names: str) -> Event:
    return {names.get(name, name): value for name, value in line.items()}


def _listed(event: Event) -> list[Event]:
    return [_renamed(line, category="item_category", brand="item_brand") for line in lines(event)]


def items_array(event: Event, item_id: str = "item_id") -> Event:
    """The own form with its items in an array."""
    gone = (
        "item_id",
        "price",
        "quantity",
        "category",
        "brand",
        "basket",
        "basket_prices",
        "basket_quantities",
    )
    kept = {name: value for name, value in event.items() if name not in gone}
    return kept | {"items": [_renamed(line, item_id=item_id) for line in lines(event)]}


def ga4_mp(event: Event) -> Event:
    """A body of the Measurement Protocol."""
    params = {
        "event_id": event["event_id"],
        "currency": event.get("currency"),
        "value": event.get("value"),
        "transaction_id": event.get("transaction_id"),
        "search_term": event.get("query"),
        "page_location": event.get("page"),
        "engagement_time_msec": 100,
        "session_id": "17001",
        "items": _listed(event),
    }
    return _known(
        {
            "client_id": event["visitor_id"],
            "user_id": event.get("user_id"),
            "timestamp_micros": event["ts"] * 1000,
            "events": [{"name": event["event"], "params": _known(params)}],
        }
    )


def ga4_bigquery(event: Event) -> Event:
    """A row of the BigQuery export; integers are text in its JSON."""
    params = {
        "event_id": ("string_value", event["event_id"]),
        "ga_session_id": ("int_value", "17001"),
        "currency": ("string_value", event.get("currency")),
        "search_term": ("string_value", event.get("query")),
        "page_location": ("string_value", event.get("page")),
    }
    typed = ("string_value", "int_value", "float_value", "double_value")
    rows = [
        {"key": key, "value": dict.fromkeys(typed) | {kind: value}}
        for key, (kind, value) in params.items()
        if value is not None
    ]
    items = [
        line | ({"quantity": str(line["quantity"])} if "quantity" in line else {}) for line in _listed(event)
    ]
    ecommerce = {"purchase_revenue": event.get("value"), "transaction_id": event.get("transaction_id")}
    return {
        "event_date": "20200913",
        "event_timestamp": str(event["ts"] * 1000),
        "event_name": event["event"],
        "event_params": rows,
        "user_pseudo_id": event["visitor_id"],
        "user_id": event.get("user_id"),
        "device": {"category": event.get("device"), "language": "en"},
        "geo": {"country": event.get("country"), "city": "(not set)"},
        "traffic_source": {"medium": event.get("channel"), "name": "(direct)"},
        "ecommerce": ecommerce,
        "items": items,
    }


_DATA_LAYER = {
    "purchase": "purchase",
    "refund": "refund",
    "add_to_cart": "add",
    "remove_from_cart": "remove",
    "begin_checkout": "checkout",
    "view_item": "detail",
    "select_item": "click",
    "view_item_list": "impressions",
}


def gtag(event: Event) -> Event:
    """A push to the data layer with enhanced e-commerce; the new `ecommerce.items` for other events."""
    outside = {name: event.get(name) for name in ("event_id", "visitor_id", "user_id", "ts", "query", "page")}
    products = [_renamed(line, item_id="id") for line in lines(event)]
    action = _DATA_LAYER.get(event["event"])
    if action is None:
        ecommerce: Event = {"items": _listed(event), "value": event.get("value")}
        name: Any = event["event"]
    else:
        name = "gtm.custom"
        field = {"id": event.get("transaction_id"), "revenue": event.get("value")}
        body: Any = {"actionField": _known(field), "products": products}
        ecommerce = {action: products if action == "impressions" else body}
    about = {name: event.get(name) for name in ("device", "country", "channel")}
    if action is None or action == "impressions":
        about |= {"transaction_id": event.get("transaction_id"), "value": event.get("value")}
    ecommerce |= {"currencyCode": event.get("currency")} if action else {"currency": event.get("currency")}
    return _known(outside | about) | {"event": name, "ecommerce": _known(ecommerce), "gtm.uniqueEventId": 7}


_CALLS = {
    "view_item": "Product Viewed",
    "search": "Products Searched",
    "view_item_list": "Product List Viewed",
    "select_item": "Product Clicked",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "begin_checkout": "Checkout Started",
    "add_payment_info": "Payment Info Entered",
    "purchase": "Order Completed",
    "refund": "Order Refunded",
    "view_promotion": "Promotion Viewed",
    "select_promotion": "Promotion Clicked",
    "add_to_wishlist": "Product Added to Wishlist",
    "rate_item": "Product Reviewed",
}


def segment(event: Event) -> Event:
    """A call of Segment or RudderStack."""
    several = [_renamed(line, item_id="product_id") for line in lines(event)]
    properties = {
        "order_id": event.get("transaction_id"),
        "revenue": event.get("value"),
        "currency": event.get("currency"),
        "query": event.get("query"),
    }
    single = several[0] if len(several) == 1 else {"products": several} if several else {}
    call = {"page_view": "page", "login": "identify"}.get(event["event"], "track")
    named = {"event": _CALLS.get(event["event"], event["event"])} if call == "track" else {}
    return _known(
        named
        | {
            "type": call,
            "messageId": event["event_id"],
            "anonymousId": event["visitor_id"],
            "userId": event.get("user_id"),
            "originalTimestamp": "2001-01-01T00:00:00Z",
            "timestamp": _iso(event["ts"]),
            "properties": _known(properties | single),
            "context": {
                "page": _known({"url": event.get("page")}),
                "device": _known({"type": event.get("device")}),
                "location": _known({"country": event.get("country")}),
                "campaign": _known({"medium": event.get("channel")}),
                "library": {"name": "analytics.js"},
            },
        }
    )


_ACTIONS = {
    "view_item": "product_view",
    "view_item_list": "list_view",
    "select_item": "list_click",
    "begin_checkout": "checkout_step",
    "purchase": "transaction",
    "view_promotion": "promo_view",
    "select_promotion": "promo_click",
}
_ECOMMERCE = "com_snowplowanalytics_snowplow_ecommerce_"


def snowplow(event: Event) -> Event:
    """An enriched event with e-commerce entities."""
    products = [_renamed(line, item_id="id") for line in lines(event)]
    kind = "refund" if event["event"] == "refund" else "transaction"
    amount = "refund_amount" if kind == "refund" else "revenue"
    entity = _known(
        {
            "transaction_id": event.get("transaction_id"),
            amount: event.get("value"),
            "currency": event.get("currency"),
        }
    )
    action = {"type": _ACTIONS.get(event["event"], event["event"])}
    return _known(
        {
            "app_id": "shop",
            "event": "unstruct",
            "event_name": "snowplow_ecommerce_action",
            "event_id": event["event_id"],
            "domain_userid": event["visitor_id"],
            "user_id": event.get("user_id"),
            "collector_tstamp": "2001-01-01 00:00:00.000",
            "derived_tstamp": _plain_time(event["ts"]),
            "page_url": event.get("page"),
            "dvce_type": event.get("device"),
            "geo_country": event.get("country"),
            "mkt_medium": event.get("channel"),
            f"unstruct_event_{_ECOMMERCE}snowplow_ecommerce_action_1": action,
            f"contexts_{_ECOMMERCE}product_1": products,
            f"contexts_{_ECOMMERCE}{kind}_1": [entity] if entity else [],
            "unstruct_event_com_snowplowanalytics_snowplow_site_search_1": (
                {"terms": event["query"].split(" ")} if "query" in event else None
            ),
        }
    )


_PIXELS = {
    "page_view": "page_viewed",
    "view_item": "product_viewed",
    "view_item_list": "collection_viewed",
    "search": "search_submitted",
    "add_to_cart": "product_added_to_cart",
    "remove_from_cart": "product_removed_from_cart",
    "begin_checkout": "checkout_started",
    "add_payment_info": "payment_info_submitted",
    "purchase": "checkout_completed",
}


def _variant(line: Event) -> Event:
    product = {"id": line["item_id"], "type": line.get("category"), "vendor": line.get("brand")}
    price = {"price": {"amount": line["price"]}} if "price" in line else {}
    return {"id": f"variant of {line['item_id']}", "product": _known(product)} | price


def _cart_line(line: Event) -> Event:
    return {"merchandise": _variant(line)} | _known({"quantity": line.get("quantity")})


def _pixel_data(event: Event) -> Event:
    several = lines(event)
    name = event["event"]
    if name == "view_item":
        return {"productVariant": _variant(several[0])} if several else {}
    if name in ("add_to_cart", "remove_from_cart"):
        return {"cartLine": _cart_line(several[0])} if several else {}
    if name == "view_item_list":
        return {"collection": {"id": "c1", "productVariants": [_variant(line) for line in several]}}
    if name == "search":
        return {"searchResult": _known({"query": event.get("query")})}
    checkout = {
        "currencyCode": event.get("currency"),
        "totalPrice": {"amount": event["value"]} if "value" in event else None,
        "order": {"id": event["transaction_id"]} if "transaction_id" in event else None,
        "lineItems": [
            {"id": f"line {n}", "title": "Mug", "variant": _variant(line)}
            | _known({"quantity": line.get("quantity")})
            for n, line in enumerate(several)
        ],
    }
    return {"checkout": _known(checkout)}


def shopify(event: Event) -> Event:
    """A standard event of a web pixel."""
    return {
        "id": event["event_id"],
        "name": _PIXELS[event["event"]],
        "clientId": event["visitor_id"],
        "timestamp": _iso(event["ts"]),
        "seq": 3,
        "type": "standard",
        "context": {"document": {"location": _known({"href": event.get("page")}), "title": "Shop"}},
        "data": _pixel_data(event),
    }


def matomo(event: Event) -> Event:
    """A request of Matomo's tracker, as JSON."""
    request = {
        "idsite": 1,
        "rec": 1,
        "event_id": event["event_id"],
        "_id": event["visitor_id"],
        "uid": event.get("user_id"),
        "cdt": event["ts"],
        "url": event.get("page"),
        "country": event.get("country"),
    }
    several = lines(event)
    own = several[0] if several else {}
    if event["event"] == "view_item":
        names = {"item_id": "_pks", "price": "_pkp", "category": "_pkc"}
        request |= {field: own.get(name) for name, field in names.items()}
    elif event["event"] == "search":
        request |= {"search": event.get("query")}
    elif event["event"] == "purchase":
        rows = [
            [line.get(name) for name in ("item_id", "title", "category", "price", "quantity")]
            for line in several
        ]
        request |= {"ec_id": event.get("transaction_id"), "revenue": event.get("value"), "ec_items": rows}
    return _known(request)


#: A renderer of each form, by the form's name, and the events that the form has names for.
RENDERERS: Mapping[str, Renderer] = {
    "ga4_mp": ga4_mp,
    "ga4_bigquery": ga4_bigquery,
    "gtag": gtag,
    "segment": segment,
    "snowplow": snowplow,
    "shopify": shopify,
    "matomo": matomo,
}
