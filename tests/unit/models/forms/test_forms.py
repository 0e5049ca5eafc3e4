"""Shapes of other systems that are not one event with one name at one place."""

import json
from typing import Any, get_args

import pytest

from models.contract.aliases import EventNames
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import CLIPPED, Click, Limits, Reason, Rejected
from models.contract.normalise import read
from models.forms.table import FORMS, FormError, FormName, named, recognise
from models.forms.unused import unused
from tests.fuzzing import START, Input
from tests.rendering import RENDERERS

OWN = {"event_id": "e1", "visitor_id": "v1", "ts": START, "event": "purchase"}
TRACK = {"type": "track", "messageId": "e1", "anonymousId": "v1", "timestamp": START}


def click(raw: dict[str, Any], **given: Any) -> Click:
    found = read(raw, **given).click
    assert isinstance(found, Click), found
    return found


def refused(raw: dict[str, Any]) -> Rejected:
    found = read(raw).click
    assert isinstance(found, Rejected), found
    return found


def ids(found: Click) -> list[str | None]:
    return [found.item_id, *(found.basket or ())]


SEVERAL = [
    ({"client_id": "v1", "timestamp_micros": START * 1000}, "events", {"name": "view_item", "params": {}}),
    ({"context": {}}, "batch", TRACK | {"event": "Product Viewed"}),
    ({"idsite": 1, "visitorId": "v1"}, "actionDetails", {"type": "action", "timestamp": START // 1000}),
]


@pytest.mark.parametrize(("around", "name", "entry"), SEVERAL)
def test_a_body_of_several_events(around: dict[str, Any], name: str, entry: dict[str, Any]) -> None:
    body = around | {"event_id": "e1", name: [entry]}
    assert click(body).visitor_id == "v1"
    for count in (0, 2, 3):
        many = around | {name: [entry] * count}
        rejected = refused(many)
        assert (rejected.reason, rejected.field) == (Reason.INVALID, name)
        assert f"{name} holds {count} events" in rejected.message
        parts = recognise(many).events_in(many)
        assert [click({**part, "event_id": "e1"}).visitor_id for part in parts] == ["v1"] * count


@pytest.mark.parametrize("form", RENDERERS)
def test_an_event_without_an_id_of_its_own_is_refused(form: str) -> None:
    event = OWN | {"event": "view_item", "item_id": "a", "price": 2.0}
    sent = json.loads(json.dumps(RENDERERS[form](event)).replace('"e1"', "null"))
    assert refused(sent).field == "event_id"


@pytest.mark.parametrize("items", ["items", "products", "line_items"])
@pytest.mark.parametrize("around", [None, "ecommerce", "params", "properties"])
def test_an_items_id_is_never_the_events(items: str, around: str | None) -> None:
    part = {items: [{"id": "SKU7"}, {"id": "SKU8"}], "id": "P1"} if around else {items: [{"id": "SKU7"}]}
    event = {name: value for name, value in OWN.items() if name != "event_id"}
    assert refused(event | ({around: part} if around else part)).field == "event_id"
    assert click(OWN | ({around: part} if around else part)).item_id == "SKU7"


def test_items_may_be_the_text_of_an_array() -> None:
    items = [{"item_id": "A", "price": 2, "quantity": 3}, {"item_id": "B", "price": 4}]
    found, same = (click(OWN | {"items": one}) for one in (json.dumps(items), items))
    assert found == same
    assert ids(found) == ["A", "B"]
    assert click(OWN | {"items": "[no", "item_id": "C"}).item_id == "C"


@pytest.mark.parametrize("event", ["view_item", "add_to_cart", "purchase"])
def test_an_id_that_may_be_the_items_is_not_the_events(event: str) -> None:
    flat = {"visitor_id": "v1", "ts": START, "event": event, "id": "SKU7", "name": "Mug", "price": 9}
    assert refused(flat).field == "event_id"
    assert click(flat | {"sku": "S"}).event_id == "SKU7"
    assert click(flat | {"event": "page_view"}).event_id == "SKU7"
    assert click(flat | {"event_id": "e1"}).event_id == "e1"


@pytest.mark.parametrize(
    "name", ["scroll", "session_start", "Coupon Applied", "gtm.dom", "page_ping", "clicked"]
)
def test_events_that_say_nothing_of_shopping(name: str) -> None:
    assert "it says nothing of shopping" in refused(OWN | {"event": name}).message
    assert click(OWN | {"event": name}, events=EventNames({name: "page_view"})).event == "page_view"
    assert "PATHCAST_EVENT_MAP maps other names" in refused(OWN | {"event": "sneeze"}).message
    alone = refused({"event": name})
    assert "it says nothing of shopping" in alone.message
    assert (alone.field, alone.passive) == ("event", name)


@pytest.mark.parametrize(
    ("sent", "event", "amounts"),
    [
        ({"item_id": "a", "price": 12.75, "quantity": -2}, "refund", (12.75, 2, None)),
        ({"item_id": "a", "price": "-12.75", "quantity": 2}, "refund", (12.75, 2, None)),
        ({"item_id": "a", "price": -12.75, "quantity": -2}, "refund", (12.75, 2, None)),
        ({"item_id": "a", "value": -25.5}, "refund", (None, None, 25.5)),
        ({"item_id": "a", "quantity": 2, "status": "Cancelled"}, "refund", (None, 2, None)),
        ({"item_id": "a", "order_status": "refunded", "value": 3}, "refund", (None, None, 3.0)),
        ({"item_id": "a", "status": "shipped", "value": 3}, "purchase", (None, None, 3.0)),
        ({"event": "refund", "value": -3}, "refund", (None, None, 3.0)),
        ({"event": "Order Cancelled", "value": -3}, "refund", (None, None, 3.0)),
        ({"event": "Product Returned", "quantity": -1}, "refund", (None, 1, None)),
        ({"event": "add_to_cart", "item_id": "a", "quantity": -1}, "remove_from_cart", (None, 1, None)),
        ({"event": "remove_from_cart", "item_id": "a", "quantity": -1}, "remove_from_cart", (None, 1, None)),
    ],
)
def test_returns(sent: dict[str, Any], event: str, amounts: tuple[Any, ...]) -> None:
    found = click(OWN | sent)
    assert (found.event, (found.price, found.quantity, found.value), found.flags) == (event, amounts, 0)


@pytest.mark.parametrize(
    "form", ["ga4_mp", "ga4_bigquery", "gtag", "segment", "snowplow", "shopify", "matomo"]
)
def test_returns_in_every_form(form: str) -> None:
    bought = OWN | {"item_id": "a", "price": 4.0, "quantity": 2, "basket": ["b"], "transaction_id": "T1"}
    bought |= {"basket_prices": [3.0], "basket_quantities": [1]}
    back = bought | {"quantity": -2, "basket_quantities": [-1]}
    expected = click(RENDERERS[form](bought))
    expected.event = "refund"
    assert click(RENDERERS[form](back)) == expected


def test_what_an_order_returns_beside_what_it_buys_is_left_out() -> None:
    lines = [("a", 4.0, -1), ("b", 3.0, 2), ("c", 2.0, -5), ("d", 1.0, 1)]
    items = [{"item_id": item, "price": price, "quantity": quantity} for item, price, quantity in lines]
    found = click(OWN | {"items": items})
    assert (found.event, ids(found), found.price, found.quantity) == ("purchase", ["b", "d"], 3.0, 2)
    assert (found.basket_prices, found.basket_quantities) == ((1.0,), (1,))
    assert found.flags == CLIPPED["basket"]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("Product List Filtered", "view_item_list"),
        ("Products Searched", "search"),
        ("Cart Viewed", "page_view"),
        ("Order Refunded", "refund"),
        ("Order Cancelled", "refund"),
        ("checkout_completed", "purchase"),
        ("product_added_to_cart", "add_to_cart"),
        ("payment_info_submitted", "add_payment_info"),
        ("collection_viewed", "view_item_list"),
        ("list_click", "select_item"),
        ("Signed In", "login"),
    ],
)
def test_names_of_events(sent: str, meant: str) -> None:
    assert click(OWN | {"event": sent}).event == meant
    assert click(TRACK | {"event": sent}).event == meant


def test_a_map_of_the_shops_own_goes_before_them() -> None:
    events = EventNames({"Cart Viewed": "begin_checkout", "page_ping": "page_view", "page": "view_item_list"})
    assert click(TRACK | {"event": "Cart Viewed"}, events=events).event == "begin_checkout"
    assert click(TRACK | {"type": "page"}, events=events).event == "view_item_list"
    ping = {"event_id": "e1", "domain_userid": "v1", "derived_tstamp": START, "event": "page_ping"}
    assert click(ping, events=events).event == "page_view"
    assert "'page_ping'" in refused(ping).message


def test_the_data_layers_other_actions() -> None:
    page = {name: value for name, value in OWN.items() if name != "event"}
    promotion = {"promoView": {"promotions": [{"id": "P1", "name": "spring"}]}}
    found = click(page | {"event": "gtm.load", "ecommerce": promotion})
    assert (found.event, found.promo_id) == ("view_promotion", "P1")
    found = click(page | {"ecommerce": {"impressions": [{"id": "a", "price": "3"}, {"name": "b"}]}})
    assert (found.event, ids(found), found.price) == ("view_item_list", ["a", "b"], 3.0)
    found = click(page | {"ecommerce": {"remove": {"products": [{"id": "a"}]}}})
    assert (found.event, found.item_id) == ("remove_from_cart", "a")


def test_calls_without_a_name() -> None:
    assert click(TRACK | {"type": "page", "name": "Home"}).event == "page_view"
    assert click(TRACK | {"type": "screen", "category": "Docs"}).category is None
    found = click(TRACK | {"type": "identify", "userId": "u1", "traits": {"plan": "x"}})
    assert (found.event, found.user_id) == ("login", "u1")
    assert refused(TRACK | {"type": "alias"}).field == "event"
    without = {name: value for name, value in TRACK.items() if name != "anonymousId"}
    assert click(without | {"event": "Product Viewed", "userId": "u1"}).visitor_id == "u1"


def test_snowplow_before_it_is_loaded_and_before_e_commerce_entities() -> None:
    base = {"event_id": "e1", "domain_userid": "v1", "derived_tstamp": "2020-09-13 12:26:40.000"}
    schema = "iglu:com.snowplowanalytics.snowplow.ecommerce/{}/jsonschema/1-0-2"
    raw = base | {
        "event_name": "snowplow_ecommerce_action",
        "contexts": {"data": [{"schema": schema.format("product"), "data": {"id": "a", "price": 3}}]},
        "unstruct_event": {
            "data": {"schema": schema.format("snowplow_ecommerce_action"), "data": {"type": "product_view"}}
        },
    }
    found = click(raw)
    assert (found.event, found.item_id, found.price, found.ts) == ("view_item", "a", 3.0, START)
    order = click(base | {"event": "transaction", "tr_orderid": "T1", "tr_total": 9.5, "tr_currency": "EUR"})
    assert (order.event, order.transaction_id, order.value) == ("purchase", "T1", 9.5)
    part = click(base | {"event": "transaction_item", "ti_orderid": "T1", "ti_sku": "a", "ti_price": "2.5"})
    assert (part.event, part.transaction_id, part.item_id, part.price) == ("purchase", "T1", "a", 2.5)
    old = "unstruct_event_com_snowplowanalytics_snowplow_add_to_cart_1"
    added = click(base | {"event_name": "add_to_cart", old: {"sku": "a", "unitPrice": 2, "quantity": 3}})
    assert (added.event, added.item_id, added.price, added.quantity) == ("add_to_cart", "a", 2.0, 3)


def test_matomos_items_as_text_its_carts_and_its_visits() -> None:
    base = {"idsite": "1", "_id": "v1", "event_id": "e1", "cdt": "2020-09-13 12:26:40"}
    items = '[["a","Mug",["mugs"],"9.5",2],["b","Tea","",4,1]]'
    order = click(base | {"ec_id": "T1", "revenue": "23", "ec_items": items})
    assert (order.event, ids(order), order.price, order.value) == ("purchase", ["a", "b"], 9.5, 23.0)
    cart = click(base | {"idgoal": 0, "revenue": 23, "ec_items": items})
    assert (cart.event, ids(cart), cart.price, cart.value) == ("add_to_cart", ["b"], 4.0, None)
    assert click(base | {"idgoal": 0, "ec_items": "[]"}).event == "page_view"
    named_event = click(base | {"e_c": "Shop", "e_a": "Add to cart", "e_n": "Mug", "_pks": "a"})
    assert (named_event.event, named_event.item_id) == ("add_to_cart", "a")
    detail = {"itemSKU": "a", "itemName": "Mug", "price": 3, "quantity": 2}
    action = {"type": "ecommerceOrder", "orderId": "T1", "revenue": 6, "timestamp": START // 1000}
    visit = click({"visitorId": "v1", "actionDetails": [action | {"itemDetails": [detail]}]})
    assert (visit.event, visit.event_id, visit.item_id, visit.quantity) == ("purchase", "T1", "a", 2)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"item_id": "a", "quantity": 1}, 1),
        ({"items": [{"item_id": "a", "quantity": 1}]}, 1),
        ({"items": [{"item_id": "a", "price": 3}, {"item_id": "b"}]}, 1),
        ({"items": [{"item_id": "a", "price": 3}, {"item_id": "listed"}]}, 0),
        ({"item_id": "listed"}, 0),
        ({"item_id": "a", "price": 3}, 0),
        ({"item_id": "a", "value": 3}, 0),
        ({}, 0),
        ({"event": "purchase", "item_id": "a"}, 0),
    ],
)
def test_a_refund_of_an_item_whose_price_nobody_knows_is_counted(fields: dict, count: int) -> None:
    catalogue = Catalogue()
    catalogue.apply([(b"listed", b'{"price": 4}')])
    decoder = Decoder(Limits(), catalogue)
    event = OWN | {"event": "refund", "transaction_id": "t"} | fields
    assert isinstance(decoder.decode([Input(b"v1", json.dumps(event).encode(), (), START)])[0], Click)
    assert decoder.absent.get("price", 0) == count


def test_an_event_about_an_item_that_names_none_is_counted() -> None:
    decoder = Decoder(Limits(), Catalogue())
    events = [
        {"event": "view_item"},
        {"event": "add_to_cart", "price": "3"},
        {"event": "purchase", "items": []},
        {"event": "purchase", "item_id": ["?"]},
        {"event": "page_view"},
        {"event": "refund"},
        {"event": "purchase", "item_id": "a"},
    ]
    decoder.decode([Input(b"v1", json.dumps(OWN | event).encode(), (), START) for event in events])
    assert (decoder.absent, decoder.dropped) == ({"item_id": 3}, {"item_id": 1})


def test_a_form_can_be_fixed() -> None:
    both = TRACK | {"event": "Product Viewed", "event_params": [], "properties": {"sku": "a"}}
    assert recognise(both).name == "ga4_bigquery"
    found = click(both, events=EventNames(form=FORMS["segment"]))
    assert (found.event, found.item_id) == ("view_item", "a")
    assert {*FORMS, "auto"} == {*get_args(FormName)}
    assert named("auto") is None
    assert named("matomo") is FORMS["matomo"]
    with pytest.raises(FormError, match="choose from auto, ga4_mp"):
        named("adobe")


def test_loaded_entities_beside_those_that_are_not_loaded() -> None:
    name = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_{}"
    schema = "iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0"
    base = {"event_id": "e1", "domain_userid": "v1", "derived_tstamp": START, "event_name": "product_view"}
    contexts = {"contexts": {"data": [{"schema": schema, "data": {"id": "a"}}]}}
    for loaded in ({"id": "b"}, [{"id": "b"}], 7, None):
        for version in ("1", "1_0_0", "2"):
            raw = base | {name.format(version): loaded}
            assert click(raw | contexts).item_id == "a"
            assert click(raw).item_id == ("b" if isinstance(loaded, dict | list) else None)


ODD: list[Any] = [None, [], {}, [[]], [{}], 7, "x", "[", "{", True, {"data": [1]}, [None, {"id": []}]]


@pytest.mark.parametrize("form", RENDERERS)
def test_odd_parts_never_raise(form: str) -> None:
    event = OWN | {"item_id": "a", "price": 4.0, "quantity": 2, "basket": ["b"], "transaction_id": "T1"}
    sent = RENDERERS[form](event)
    for name in [*sent, "contexts", "unstruct_event", "actionDetails", "batch", "ecommerce", "type"]:
        for odd in ODD:
            assert isinstance(read(sent | {name: odd}).click, Click | Rejected)
            assert isinstance(read({name: odd}).click, Click | Rejected)


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        (OWN | {"items": [{"id": "a", "colour": "red"}], "note": 1, "empty": {}}, ["note"]),
        (
            TRACK
            | {"event": "Product Viewed", "properties": {"sku": "a", "size": 3}, "context": {"ip": "::1"}},
            ["type", "properties.size", "context.ip"],
        ),
        (
            {
                "client_id": "v1",
                "events": [{"name": "view_item", "params": {"session_id": 1, "event_id": "e1"}}],
            },
            ["events.params.session_id"],
        ),
        (
            {"event_name": "purchase", "event_params": [{"key": "ga_session_id", "value": {"int_value": 1}}]},
            ["event_params.ga_session_id"],
        ),
    ],
)
def test_what_no_field_was_read_from(raw: dict[str, Any], left: list[str]) -> None:
    form = recognise(raw)
    assert unused(raw, form, read(raw).sources) == left


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"ping": 1}, "ping"),
        ({"download": "https://shop/a.pdf", "url": "https://shop/a.pdf"}, "download"),
        ({"link": "https://elsewhere"}, "outlink"),
        ({"idgoal": 3, "revenue": 9}, "goal"),
    ],
)
def test_what_matomo_reports_beside_pages_is_passive(more: dict, name: str) -> None:
    request = {"idsite": 1, "rec": 1, "_id": "v1", "event_id": "e1", "timestamp": START}
    assert refused(request | more).passive == name
    assert click(request).event == "page_view"
    assert click(request | {"idgoal": 0, "ec_id": "T1", "revenue": 9}).event == "purchase"


def test_a_structured_event_of_snowplow_is_known_by_its_action() -> None:
    event = {"event_id": "e1", "domain_userid": "v1", "derived_tstamp": START, "event": "struct"}
    event |= {"event_name": "event", "se_category": "shop", "se_action": "put-in-trolley"}
    assert "'put-in-trolley'" in refused(event).message
    assert click(event, events=EventNames({"put-in-trolley": "add_to_cart"})).event == "add_to_cart"
    assert click(event | {"se_action": "add-to-cart"}).event == "add_to_cart"


def test_an_order_of_the_old_data_layer_has_its_total_and_items() -> None:
    lines = [{"sku": "A", "price": 5, "quantity": 2}, {"sku": "B", "price": 10, "quantity": 1}]
    order = {"transactionId": "T", "transactionTotal": 22.5, "transactionProducts": lines}
    found = click({"event_id": "e1", "visitor_id": "v1", "ts": START, "event": "transaction"} | order)
    assert (found.event, found.value, found.transaction_id) == ("purchase", 22.5, "T")
    assert (found.item_id, found.basket) == ("A", ("B",))


def test_a_purchase_in_an_app_is_one() -> None:
    assert click(OWN | {"event": "in_app_purchase"}).event == "purchase"
