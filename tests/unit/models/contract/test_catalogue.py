"""The catalogue as read from its topic."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.catalogue import Catalogue, Item

SHOE: dict[str, Any] = {"category": "shoes", "brand": "acme", "price": 9.5, "title": "Shoe", "stock": 3}


def pairs(items: dict[str, dict[str, Any] | None]) -> list[tuple[bytes, bytes | None]]:
    return [
        (key.encode(), None if item is None else json.dumps(item).encode()) for key, item in items.items()
    ]


def applied(*batches: dict[str, dict[str, Any] | None]) -> Catalogue:
    catalogue = Catalogue()
    for batch in batches:
        catalogue.apply(pairs(batch))
    return catalogue


def test_items_come_and_go() -> None:
    catalogue = applied({"a": {"price": 1}, "b": {"title": "B"}}, {"a": None, "c": None})
    assert {item_id: catalogue[item_id] for item_id in catalogue} == {"b": Item(title="B")}
    assert catalogue.get("a") is None
    assert "b" in catalogue


@pytest.mark.parametrize(
    "sent",
    [
        SHOE,
        {"item_category": "shoes", "itemBrand": "acme", "PRICE": "9.5", "item_name": "Shoe", "stock": "3"},
        {**SHOE, "stock": 3.0, "color": "red"},
        {"name": "Shoe", **{name: value for name, value in SHOE.items() if name != "title"}},
    ],
)
def test_spellings(sent: dict[str, Any]) -> None:
    assert applied({"a": sent})["a"] == Item(**SHOE)


def test_fields_that_cannot_be_read_are_none() -> None:
    sent = {
        "category": "(not set)",
        "brand": [],
        "price": "cheap",
        "stock": float("inf"),
        "title": "x" * 9000,
    }
    assert applied({"a": sent})["a"] == Item(title="x" * 512)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"a", b"{"),
        (b"a", b"[]"),
        (b"a", b""),
        (b"a", b"[" * 100_000),
        (None, b"{}"),
        (b"", b"{}"),
        (b"\xff", b"{}"),
        (b"x" * 300, b"{}"),
        (None, None),
    ],
)
def test_what_cannot_be_read_leaves_the_item_as_it_was(key: bytes | None, value: bytes | None) -> None:
    catalogue = applied({"a": {"price": 1}})
    version = catalogue.version
    catalogue.apply([(key, value)])
    assert catalogue["a"] == Item(price=1.0)
    assert (catalogue.version, catalogue.unreadable) == (version, 1)


histories = st.lists(
    st.tuples(st.sampled_from("abcd"), st.none() | st.fixed_dictionaries({"price": st.integers(0, 3)})),
    max_size=12,
)


@given(histories, st.data())
def test_the_version_depends_on_the_content_only(history: list[Any], data: Any) -> None:
    catalogue = Catalogue()
    for key, item in history:
        catalogue.apply(pairs({key: item}))
    fresh = Catalogue()
    for key in data.draw(st.permutations(list(catalogue))):
        fresh.put(key, catalogue[key])
    assert fresh.version == catalogue.version
    fresh.put("e", Item(price=1.0))
    assert fresh.version != catalogue.version
    fresh.put("e", None)
    assert fresh.version == catalogue.version


def test_the_version_is_stable_between_programs() -> None:
    assert Catalogue().version == "0" * 16
    assert applied({"a": {"price": 1}}).version == "0375a6fe96ffc3bd"
