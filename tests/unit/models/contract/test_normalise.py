"""What producers really send, and that it means the same as the canonical form."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import (
    BASKET_ITEMS,
    CLIPPED,
    DROPPED,
    EVENTS,
    TS_MAX,
    TS_MIN,
    Click,
    Limits,
    Rejected,
)
from models.contract.normalise import normalise
from models.forms.missing import MISSING
from tests.fuzzing import START, Input

EVENT = {"event_id": "e1", "visitor_id": "v1", "ts": START, "event": "view_item"}


def read(event: dict[str, Any]) -> Click:
    return _decode(json.dumps(event).encode())


def _decode(value: bytes, visitor: str = "v1") -> Click:
    decoder = Decoder(Limits(check_skew=False), Catalogue())
    click = decoder.decode([Input(visitor.encode(), value, (), START)])[0]
    assert isinstance(click, Click), click
    return click


@pytest.mark.parametrize(
    "ts",
    [
        START,
        str(START),
        START / 1000,
        START // 1000,
        START * 1000,
        START * 10**6,
        float(START),
        f" {START} ",
        "2020-09-13T12:26:40Z",
        "2020-09-13T14:26:40+02:00",
        "2020-09-13 12:26:40",
        "2020-09-13 12:26:40 UTC",
        "2020-09-13T12:26:40.000Z",
    ],
)
def test_time_in_any_unit(ts: Any) -> None:
    assert read(EVENT | {"ts": ts}) == Click(**EVENT)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("VIEW_ITEM", "view_item"),
        ("viewItem", "view_item"),
        ("Add to cart", "add_to_cart"),
        ("view", "view_item"),
        ("cart", "add_to_cart"),
        ("remove", "remove_from_cart"),
        ("checkout", "begin_checkout"),
        ("view_search_results", "search"),
        ("screen_view", "page_view"),
        ("view_cart", "page_view"),
        ("add_shipping_info", "begin_checkout"),
        *((name, name) for name in EVENTS),
    ],
)
def test_event_names(sent: str, meant: str) -> None:
    assert read(EVENT | {"event": sent}).event == meant


@pytest.mark.parametrize(
    "word", [None, "", " ", "(not set)", "(none)", "null", "undefined", "nan", "NaN", "n/a", "N/A"]
)
def test_words_for_missing(word: str | None) -> None:
    assert read(EVENT | {"country": word, "price": word, "basket": ["a", word or ""]}) == Click(
        **EVENT, basket=("a",), flags=CLIPPED["basket"]
    )


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_drops_the_field_not_the_event(token: str) -> None:
    value = json.dumps(EVENT)[:-1] + f', "price": {token}, "country": "DK"}}'
    assert _decode(value.encode()) == Click(**EVENT, country="DK", flags=DROPPED["price"])


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("price", "cheap"),
        ("price", [1]),
        ("price", True),
        ("quantity", {}),
        ("rating", "1_0x"),
        ("country", ["DK"]),
        ("country", False),
        ("basket", "a,b"),
        ("query", "\ud800"),
        ("item_id", float("nan")),
        ("page", {"url": "/"}),
    ],
)
def test_what_cannot_be_read_is_dropped_and_flagged(name: str, sent: Any) -> None:
    assert read(EVENT | {name: sent}) == Click(**EVENT, flags=DROPPED[name])


@pytest.mark.parametrize(
    ("person", "event"),
    [
        ({"visitor_id": "anna"}, "anna"),
        ({"visitor_id": "anna"}, "login_anna"),
        ({"visitor_id": "anna"}, "Hello ANNA!"),
        ({"user_id": "anna@shop"}, "login:anna@shop"),
        ({"visitor_id": 4711}, "view4711"),
        ({"visitor_id": 4711.0}, "view4711"),
        ({"user_id": "4711"}, 47110),
        ({"user_id": "anna"}, "${anna}"),
    ],
)
def test_no_message_quotes_an_event_that_has_a_person_in_it(person: dict[str, Any], event: Any) -> None:
    value = json.dumps(EVENT | person | {"event": event}).encode()
    hidden, shown = normalise(value, private=True), normalise(value)
    assert isinstance(hidden, Rejected)
    assert isinstance(shown, Rejected)
    assert hidden.message.startswith("event is unreadable, expected")
    assert shown.message.startswith(f"event is {event!r}, expected")


def test_an_event_that_names_nobody_is_quoted() -> None:
    for person in ({"user_id": None}, {"user_id": ""}, {}, {"user_id": ["n"]}):
        found = normalise(json.dumps(EVENT | person | {"event": "none sneeze"}).encode(), private=True)
        assert isinstance(found, Rejected)
        assert "'none sneeze'" in found.message


def test_dropped_fields_are_counted() -> None:
    decoder = Decoder(Limits(), Catalogue())
    values = [EVENT | {"price": "cheap"}, EVENT | {"price": "dear", "device": []}, EVENT]
    decoder.decode([Input(b"v1", json.dumps(value).encode(), (), START) for value in values])
    assert decoder.dropped == {"price": 2, "device": 1}


@pytest.mark.parametrize(
    ("sent", "meant", "flags"),
    [
        (True, True, 0),
        ("false", False, 0),
        (0, False, 0),
        ("granted", True, 0),
        ("DENIED", False, 0),
        (None, None, 0),
        ("perhaps", False, DROPPED["consent"]),
        ([], False, DROPPED["consent"]),
    ],
)
def test_consent_that_cannot_be_read_is_none_given(sent: Any, meant: bool | None, flags: int) -> None:
    click = read(EVENT | {"consent": sent})
    assert (click.consent, click.flags) == (meant, flags)


def test_ga4_event() -> None:
    sent = {
        "event_name": "purchase",
        "event_timestamp": START * 1000,
        "user_pseudo_id": "v1",
        "params": {
            "event_id": "e1",
            "transaction_id": "T1",
            "currency": "EUR",
            "value": "30.5",
            "page_location": "https://shop/thanks",
            "ecommerce": {
                "items": [
                    {
                        "item_id": 12,
                        "item_name": "Shoe",
                        "item_brand": "acme",
                        "item_category": "shoes",
                        "price": "9.5",
                        "quantity": "2",
                    },
                    {"item_id": "B"},
                    {"item_name": "Third"},
                    "junk",
                ]
            },
        },
    }
    assert read(sent) == Click(
        event_id="e1",
        visitor_id="v1",
        ts=START,
        event="purchase",
        item_id="12",
        category="shoes",
        brand="acme",
        price=9.5,
        quantity=2,
        value=30.5,
        currency="EUR",
        transaction_id="T1",
        page="https://shop/thanks",
        basket=("B", "Third"),
        flags=CLIPPED["basket"],
    )


def test_what_is_further_out_wins() -> None:
    sent = EVENT | {
        "price": 1.0,
        "ecommerce": {"value": 7, "items": [{"price": 2.0, "item_id": "i"}]},
        "params": {"value": 6},
    }
    click = read(sent)
    assert (click.price, click.item_id) == (1.0, "i")
    assert click.value in (6.0, 7.0)


def test_the_contracts_own_name_wins_over_another() -> None:
    assert read({"sku": "b", "item_id": "a", "productId": "c", **EVENT}).item_id == "a"


def test_a_basket_is_bounded() -> None:
    click = read(EVENT | {"items": [{"item_id": f"i{n}"} for n in range(500)]})
    assert (click.item_id, len(click.basket or ())) == ("i0", BASKET_ITEMS)
    assert click.flags == CLIPPED["basket"]


def test_duplicate_names_and_bytes_before_the_object() -> None:
    value = b'\xef\xbb\xbf{"price": 1, "price": 2, ' + json.dumps(EVENT).encode()[1:]
    assert _decode(value).price == 2.0


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda t: t not in MISSING
)
amounts = st.floats(0, 99_000, allow_nan=False).map(abs)
canonical = st.fixed_dictionaries(
    {
        "event_id": texts,
        "visitor_id": texts,
        "ts": st.integers(TS_MIN, TS_MAX - 1),
        "event": st.sampled_from(EVENTS),
    },
    optional={
        **dict.fromkeys(
            ("item_id", "category", "query", "page", "promo_id", "decision_id", "country", "user_id"), texts
        ),
        **dict.fromkeys(("price", "value"), amounts),
        "rating": st.floats(0, 5),
        "quantity": st.integers(0, 1000),
        "basket": st.lists(texts, max_size=5),
        "consent": st.booleans(),
    },
)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _numbers_as_text(event: dict[str, Any]) -> dict[str, Any]:
    return {k: repr(v) if type(v) in (int, float) else v for k, v in event.items()}


def _nested(event: dict[str, Any]) -> dict[str, Any]:
    outside = {k: event[k] for k in ("event_id", "visitor_id", "ts", "event")}
    return outside | {"params": {k: v for k, v in event.items() if k not in outside}}


def _iso(event: dict[str, Any]) -> dict[str, Any]:
    return event | {
        "ts": (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event["ts"])).isoformat()
    }


RESPELLINGS = (
    lambda event: {_camel(name): value for name, value in event.items()},
    lambda event: {name.upper(): value for name, value in event.items()},
    lambda event: event | {"session_number": 3, "flags": 9, "note": "(not set)"},
    lambda event: event | {"event": event["event"].upper()},
    lambda event: event | {"ts": event["ts"] * 1000},
    _numbers_as_text,
    _nested,
    _iso,
    lambda event: _nested(_numbers_as_text(_iso({**event, "junk": [{}]}))),
)


@given(canonical, st.sampled_from(RESPELLINGS))
def test_every_spelling_means_the_same(event: dict[str, Any], respell: Any) -> None:
    strict = _decode(json.dumps(event).encode(), event["visitor_id"])
    assert strict == Click(**event | ({"basket": tuple(event["basket"])} if "basket" in event else {}))
    assert _decode(json.dumps(respell(event)).encode(), event["visitor_id"]) == strict


@given(canonical)
def test_both_ways_agree_on_the_canonical_form(event: dict[str, Any]) -> None:
    value = json.dumps(event).encode()
    assert normalise(value) == _decode(value, event["visitor_id"])


names = st.sampled_from(["ts", "event", "items", "params", "price", "basket", "consent", "schema_version"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=8),
    max_leaves=30,
)


@given(st.binary(max_size=200) | trees.map(lambda tree: json.dumps(tree).encode()))
def test_no_bytes_raise(value: bytes) -> None:
    decoded = Decoder(Limits(), Catalogue()).decode([Input(b"v1", value, (), START)])
    assert len(decoded) == 1


@given(st.dictionaries(names, trees))
def test_no_field_raises(fields: dict[str, Any]) -> None:
    value = json.dumps(EVENT | fields).encode()
    decoded = Decoder(Limits(), Catalogue()).decode([Input(b"v1", value, (), START)])
    assert len(decoded) == 1
