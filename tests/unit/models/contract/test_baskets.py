"""Prices and quantities of an event's further items stay beside their items."""

import json
from typing import Any

import pytest

from models.contract.baskets import Line, further
from models.contract.catalogue import Catalogue, Item
from models.contract.decoder import Decoder
from models.contract.events import CLIPPED, DROPPED, FILLED, Click, Limits
from tests.fuzzing import START, Input

EVENT = {"event_id": "e1", "visitor_id": "v1", "ts": START, "event": "purchase", "item_id": "a"}


def read(fields: dict[str, Any], catalogue: Catalogue | None = None) -> Click:
    decoder = Decoder(Limits(), catalogue or Catalogue())
    (click,) = decoder.decode([Input(b"v1", json.dumps(EVENT | fields).encode(), (), START)])
    assert isinstance(click, Click), click
    return click


@pytest.mark.parametrize("other", [{}, {"note": 1}, {"price": "2"}])
@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        ({}, []),
        ({"basket": []}, []),
        ({"basket": ["b"]}, [("b", None, None)]),
        ({"basket": ["b"], "basket_prices": [4]}, [("b", 4.0, None)]),
        ({"basket": ["b", "c"], "basket_prices": [4, 0.5]}, [("b", 4.0, None), ("c", 0.5, None)]),
        ({"basket": ["b", "c"], "basket_quantities": [None, 3]}, [("b", None, None), ("c", None, 3)]),
        ({"basket": ["b"], "basket_prices": [None], "basket_quantities": [0]}, [("b", None, 0)]),
    ],
)
def test_lines_of_a_basket(sent: dict[str, Any], lines: list[Any], other: dict[str, Any]) -> None:
    assert list(further(read(sent | other))) == [Line(*line) for line in lines]


@pytest.mark.parametrize(
    ("sent", "lines", "flags"),
    [
        ({"basket": ["b", "", "d"], "basket_prices": [1, 2, 3]}, [("b", 1.0), ("d", 3.0)], CLIPPED["basket"]),
        ({"basket": ["b", "c"], "basket_prices": [1]}, [("b", 1.0), ("c", None)], 0),
        ({"basket": ["b"], "basket_prices": [1, 2]}, [("b", 1.0)], 0),
        (
            {"basket": ["b", "c"], "basket_prices": ["x", "2"]},
            [("b", None), ("c", 2.0)],
            CLIPPED["basket_prices"],
        ),
        ({"basket": ["b"], "basket_prices": 7}, [("b", None)], DROPPED["basket_prices"]),
        ({"basket_prices": [1]}, [], DROPPED["basket_prices"]),
        ({"basket": "b", "basket_prices": [1]}, [], DROPPED["basket"] | DROPPED["basket_prices"]),
        ({"basket": ["b"], "basket_prices": [1e11]}, [("b", 1e10)], CLIPPED["basket_prices"]),
        (
            {"event": "view_item_list", "basket": ["b"], "basket_prices": [-4]},
            [("b", 0.0)],
            CLIPPED["basket_prices"],
        ),
    ],
)
def test_an_item_keeps_its_price(sent: dict[str, Any], lines: list[Any], flags: int) -> None:
    click = read(sent)
    assert [line[:2] for line in further(click)] == lines
    assert click.flags == flags


def test_the_catalogue_fills_missing_prices() -> None:
    catalogue = Catalogue()
    catalogue.put("b", Item(price=4.0))
    catalogue.put("c", Item(category="hats"))
    sent = {"basket": ["b", "c", "d", "b"], "basket_prices": [None, None, None, 3]}
    click = read(sent, catalogue)
    assert click.basket_prices == (4.0, None, None, 3.0)
    assert click.flags == FILLED["basket_prices"]
    assert read({"basket": ["c", "d"]}, catalogue).flags == 0
