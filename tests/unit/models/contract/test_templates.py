"""Templates that nobody filled count as missing, wherever they leak into."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import CLIPPED, DROPPED, OPTIONAL_FIELDS, Click, Limits, Rejected
from models.contract.items import read_item
from models.forms.templates import contains_template, may_contain_template
from tests.fuzzing import START, Input

EVENT = {"event_id": "e1", "visitor_id": "v1", "ts": START, "event": "view_item"}
TEMPLATES = [
    "${sku}",
    "pre-${item.id}-post",
    "{{sku}}",
    "{{ page.category | title }}",
    "{% if brand %}",
    "<%= brand %>",
    "<% brand %>",
    "%7B%7Bsku%7D%7D",
    "%7b%7bsku%7d%7d",
    "%24%7Bsku%7D",
    "$%7Bsku%7D",
    "%3C%25=%20brand%20%25%3E",
    "[object Object]",
    "[object Undefined]",
    "${}",
    "{{}}",
    "{{{sku}}}",
    "%24{sku}",
    "{{ sku | default: '" + "x" * 90 + "' }}",
    "${list.map(one => {return one})}",
]
NAMES = [
    "a{b}c",
    "$5",
    "{sku}",
    "50% off",
    "<b>",
    "{{",
    "${",
    "}} {{",
    "[object]",
    "x%7Cy",
    "https://shop/a%20b",
    "Size <10% & >5%",
]
BASKET = ("basket", "basket_prices", "basket_quantities")
TEXTS = [name for name in OPTIONAL_FIELDS if name not in ("price", "quantity", "value", "rating", *BASKET)]


def decode(*events: dict[str, Any] | bytes) -> list[Click | Rejected]:
    values = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    return Decoder(Limits(), Catalogue()).decode([Input(b"v1", value, (), START) for value in values])


# Of a search that has more in it than one, see below.
@pytest.mark.parametrize(
    ("name", "text"),
    [(n, t) for n in TEXTS for t in TEMPLATES if n != "query" or not t.startswith(("pre-", "${list"))],
)
def test_a_template_is_dropped_and_counted(name: str, text: str) -> None:
    decoder = Decoder(Limits(), Catalogue())
    records = [Input(b"v1", json.dumps(event).encode(), (), START) for event in (EVENT, EVENT | {name: text})]
    plain, found = decoder.decode(records)
    assert plain == Click(**EVENT)
    # Consent that cannot be read is none given.
    said = {"consent": False} if name == "consent" else {}
    assert found == Click(**EVENT, **said, flags=DROPPED[name])
    assert decoder.dropped == {name: 1}


@pytest.mark.parametrize("text", TEMPLATES)
def test_so_it_is_by_other_names_in_nested_events_and_in_baskets(text: str) -> None:
    sent = {"params": {**EVENT, "itemBrand": text}}
    (found,) = decode(sent)
    assert found == Click(**EVENT, flags=DROPPED["brand"])
    (found,) = decode(EVENT | {"basket": ["a", text]})
    assert found == Click(**EVENT, basket=("a",), flags=CLIPPED["basket"])


@pytest.mark.parametrize("name", ["event_id", "visitor_id"])
@pytest.mark.parametrize("text", TEMPLATES)
def test_a_template_is_nobodys_id(text: str, name: str) -> None:
    (found,) = decode(EVENT | {name: text})
    assert isinstance(found, Rejected)
    assert (found.reason, found.message.startswith(f"{name} is ")) == ("invalid", True)


@pytest.mark.parametrize("text", NAMES)
def test_names_that_only_look_like_one_stay(text: str) -> None:
    (found,) = decode(EVENT | {"brand": text, "page": text})
    assert found == Click(**EVENT, brand=text, page=text)


@pytest.mark.parametrize("beside", [None, b"", b"garbage", b'"text"', b"[1]", b"{"])
@pytest.mark.parametrize("text", ["${sku}", "{{sku}}", "{% sku %}"])
def test_what_is_in_the_same_chunk_changes_nothing(text: str, beside: bytes | None) -> None:
    sent = [EVENT | {"item_id": text}, EVENT | {"brand": text, "item_id": "i"}]
    alone = [decode(event)[0] for event in sent]
    assert alone == [
        Click(**EVENT, flags=DROPPED["item_id"]),
        Click(**EVENT, item_id="i", flags=DROPPED["brand"]),
    ]
    values = [beside, *[json.dumps(event).encode() for event in sent], beside, beside]
    found = Decoder(Limits(), Catalogue()).decode([Input(b"v1", value, (), START) for value in values])
    assert found[1:3] == alone


@pytest.mark.parametrize(
    "text", ["{{mustache}} mug", "${HOME} bash t-shirt", "mug {{mustache}}", "{{a}} or {{b}}"]
)
def test_people_search_for_what_looks_like_one(text: str) -> None:
    (found,) = decode(EVENT | {"query": text, "category": text})
    assert found == Click(**EVENT, query=text, flags=DROPPED["category"])


@pytest.mark.parametrize("text", ["{{q}}", " ${q} ", "{{a}}{{b}}", "{{a}} ${b}", "${}", "[object Object]"])
def test_a_search_that_is_nothing_else_is_none(text: str) -> None:
    assert decode(EVENT | {"query": text}) == [Click(**EVENT, flags=DROPPED["query"])]


@pytest.mark.parametrize(
    "escaped",
    [
        r"\u0024\u007bsku\u007d",
        r"\u0024{sku}",
        r"$\u007Bsku}",
        r"\u007b\u007bsku}}",
        r"{\u007bsku}}",
        r"\u007b% sku %}",
        r"\u00257Bsku".replace("sku", r"\u00257Bsku%7D%7D"),
        r"\u005bobject Object]",
    ],
)
def test_an_encoder_may_escape_any_of_its_characters(escaped: str) -> None:
    raw = json.dumps(EVENT | {"brand": "BRAND"}).replace("BRAND", escaped).encode()
    assert decode(raw) == [Click(**EVENT, flags=DROPPED["brand"])]
    assert read_item(b'{"brand": "%s", "status": "new"}' % escaped.encode()).brand is None


def test_a_page_is_known_though_its_campaign_is_not() -> None:
    found = decode(EVENT | {"page": "/shoes?utm={{campaign}}"}, EVENT | {"page": "/{{category}}?a=b"})
    assert found == [Click(**EVENT, page="/shoes?utm={{campaign}}"), Click(**EVENT, flags=DROPPED["page"])]


def test_an_encoder_may_escape_what_a_page_could_take_for_markup() -> None:
    escaped = json.dumps(EVENT | {"brand": "<%= brand %>"}).replace("<", "\\u003c").replace(">", "\\u003e")
    assert decode(escaped.encode()) == [Click(**EVENT, flags=DROPPED["brand"])]


def test_the_catalogue_is_read_alike() -> None:
    item = read_item(b'{"category": "{{category}}", "brand": "acme", "title": "[object Object]"}')
    assert (item.category, item.brand, item.title) == (None, "acme", None)


@given(st.text(alphabet='${}%<>7BbD245=[object O]a\\"', max_size=60))
def test_what_leaks_is_never_overlooked(text: str) -> None:
    if contains_template(text):
        for ascii_only in (True, False):
            assert may_contain_template(json.dumps(EVENT | {"brand": text}, ensure_ascii=ascii_only).encode())


@pytest.mark.parametrize(
    "start", ["${", "{{", "{{a", "{%", "<%", "%7B%7B", "%24%7B", "[object ", "[object a", "${{{{%<%[object a"]
)
def test_no_text_takes_long(start: str) -> None:
    import time

    began = time.process_time()
    assert not contains_template(start * 100_000)
    assert time.process_time() - began < 0.1
