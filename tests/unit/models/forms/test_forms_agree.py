"""One event written in each form is one and the same click."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import EVENTS, Click, Limits
from models.contract.normalise import read
from models.forms.table import FORMS, recognise
from tests.fuzzing import START, Input
from tests.rendering import RENDERERS, items_array

ids = st.text("abcdefghij0123456789-:é", min_size=1, max_size=12).filter(lambda text: text.strip("-:"))
words = st.sampled_from(["shoes", "red mug", "27 inch", "Ærø", "kjole"])
amounts = st.integers(0, 9_999_999).map(lambda cents: cents / 100)
line = st.fixed_dictionaries({"item_id": ids}, optional={"price": amounts, "quantity": st.integers(0, 90)})
events = st.fixed_dictionaries(
    {
        "event_id": ids.map(lambda text: f"e{text}"),
        "visitor_id": ids.map(lambda text: f"v{text}"),
        "ts": st.integers(START, START + 10**10),
        "event": st.sampled_from(EVENTS),
        "items": st.lists(line, max_size=4),
    },
    optional={
        "user_id": ids,
        "category": words,
        "brand": words,
        "value": amounts,
        "currency": st.sampled_from(["EUR", "KRW"]),
        "transaction_id": ids,
        "query": words,
        "page": st.sampled_from(["https://shop.example/mug", "https://shop.example/?a=1"]),
        "device": st.sampled_from(["mobile", "desktop"]),
        "country": st.sampled_from(["DK", "Korea"]),
        "channel": st.sampled_from(["cpc", "organic"]),
    },
)

COMMON = {"event_id", "visitor_id", "ts", "event"}
ITEM = {"item_id", "price", "quantity", "category", "brand"}
BASKET = {"basket", "basket_prices", "basket_quantities"}
ORDER = {"transaction_id", "value", "currency"}
AROUND = {"device", "country", "channel"}
ORDERS = {"purchase", "refund"}
#: Events that a form has, and of each the fields beside those that all have.
SAYS: Mapping[str, Mapping[str, set[str]]] = {
    "ga4_mp": {name: ITEM | BASKET | ORDER | {"user_id", "query", "page"} for name in EVENTS},
    "ga4_bigquery": {name: ITEM | BASKET | ORDER | AROUND | {"user_id", "query", "page"} for name in EVENTS},
    "gtag": {name: ITEM | BASKET | ORDER | AROUND | {"user_id", "query", "page"} for name in EVENTS},
    "segment": {name: ITEM | BASKET | ORDER | AROUND | {"user_id", "query", "page"} for name in EVENTS},
    "snowplow": {
        name: ITEM | BASKET | AROUND | {"user_id", "page"} | (ORDER if name in ORDERS else set())
        for name in EVENTS
        if name not in ("page_view", "search", "login", "rate_item", "add_payment_info", "add_to_wishlist")
    },
    "shopify": {
        "page_view": {"page"},
        "view_item": (ITEM - {"quantity"}) | {"page"},
        "view_item_list": ((ITEM | BASKET) - {"quantity", "basket_quantities"}) | {"page"},
        "search": {"page", "query"},
        "add_to_cart": ITEM | {"page"},
        "remove_from_cart": ITEM | {"page"},
        **{
            name: ITEM | BASKET | ORDER | {"page"}
            for name in ("begin_checkout", "add_payment_info", "purchase")
        },
    },
    "matomo": {
        "page_view": {"user_id", "page", "country"},
        "view_item": {"item_id", "price", "category", "user_id", "page", "country"},
        "search": {"query", "user_id", "page", "country"},
        "purchase": (ITEM - {"brand"}) | BASKET | {"transaction_id", "value", "user_id", "page", "country"},
    },
}


def own_form(event: dict[str, Any]) -> dict[str, Any]:
    """An event with `items` in the contract's own form."""
    first, *rest = event["items"] or [{}]
    own = {name: value for name, value in event.items() if name != "items"} | first
    if not first:
        own = {name: value for name, value in own.items() if name not in ("category", "brand")}
    if rest:
        own["basket"] = [entry["item_id"] for entry in rest]
        for name in ("price", "quantity"):
            field = "basket_prices" if name == "price" else "basket_quantities"
            if any(name in entry for entry in rest):
                own[field] = [entry.get(name) for entry in rest]
    return own


def said(event: dict[str, Any], form: str) -> dict[str, Any]:
    """What is left of an event that a form can say."""
    fields = COMMON | SAYS[form][event["event"]]
    return {name: value for name, value in event.items() if name in fields}


def decoded(event: dict[str, Any], visitor: str) -> Click:
    decoder = Decoder(Limits(check_skew=False, price_max=1e9, value_max=1e9), Catalogue())
    value = json.dumps(event).encode()
    click = decoder.decode([Input(visitor.encode(), value, (), START + 10**10)])[0]
    assert isinstance(click, Click), (click, event)
    return click


@pytest.mark.parametrize("form", RENDERERS)
@given(events)
def test_every_form_says_the_same(form: str, event: dict[str, Any]) -> None:
    names = list(SAYS[form])
    event |= {"event": names[EVENTS.index(event["event"]) % len(names)]}
    if form == "matomo" and event["event"] != "page_view":
        # Matomo's event follows from what is there.
        event |= {"query": "mug", "transaction_id": "T1", "items": event["items"] or [{"item_id": "a"}]}
    own = said(own_form(event), form)
    sent = RENDERERS[form](own)
    assert recognise(sent).name == form or (form == "gtag" and "items" in sent["ecommerce"])
    assert decoded(sent, own["visitor_id"]) == decoded(own, own["visitor_id"])


ID_NAMES = ("item_id", "productId", "product_id", "sku", "id", "item_name", "variant_id")


@pytest.mark.parametrize("name", ID_NAMES)
@given(events)
def test_items_in_an_array_say_the_same(name: str, event: dict[str, Any]) -> None:
    own = own_form(event)
    assert decoded(items_array(own, name), own["visitor_id"]) == decoded(own, own["visitor_id"])


@pytest.mark.parametrize("form", RENDERERS)
def test_the_place_of_each_field_is_told(form: str) -> None:
    event = {
        "event_id": "e1",
        "visitor_id": "v1",
        "ts": START,
        "event": "purchase",
        "item_id": "a",
        "price": 2.5,
    }
    event |= {"basket": ["b"], "basket_prices": [4.0], "transaction_id": "T1", "value": 6.5}
    reading = read(RENDERERS[form](event))
    assert isinstance(reading.click, Click), reading.click
    assert reading.form == form
    assert {*event} <= {*reading.sources}
    assert reading.sources["basket_prices"].endswith("[].price")


def test_every_form_is_rendered() -> None:
    assert {*RENDERERS, "own"} == {*FORMS}
