"""Bounds of amounts: learned from the shop's own prices, the same in training and in serving."""

import json

import polars as pl
import pytest

from models.contract.catalogue import Catalogue, Item
from models.contract.decoder import Decoder
from models.contract.events import CLIPPED, AmountBounds, Limits
from models.features.features import NAMES
from tests.offline import Record
from trainer.logs.log_replay import LogReplay
from trainer.logs.outliers import learned_bounds

START = 1_700_000_000_000


def log(scale: float = 1.0, currency: str | None = None, wrong: float | None = None) -> pl.DataFrame:
    """A shop of 40 items from 5 to 200, three views each; one of the views has a wrong price."""
    rows = [
        {"item_id": f"i{item}", "price": scale * 5.0 * (1 + item), "currency": currency}
        for item in range(40)
        for _ in range(3)
    ]
    if wrong is not None:
        rows[7]["price"] = wrong
    return pl.DataFrame(rows, schema={"item_id": pl.String, "price": pl.Float64, "currency": pl.String})


@pytest.mark.parametrize("scale", [0.01, 1.0, 1_350.0, 25_000.0])
def test_bounds_scale_with_the_shops_prices_and_know_no_currency(scale):
    (bound,) = set(learned_bounds(log(scale, "XXX")).prices.values())
    assert bound == pytest.approx(100 * 200 * scale)


@pytest.mark.parametrize("wrong", [1e9, 0.0, -5.0, float("nan"), float("inf")])
def test_a_wrong_price_moves_no_bound(wrong):
    assert learned_bounds(log(wrong=wrong)) == learned_bounds(log())


def test_the_order_of_rows_does_not_matter_and_currencies_are_apart():
    both = pl.concat([log(1, "EUR"), log(1_500, "KRW")])
    bounds = learned_bounds(both)
    assert bounds.prices == {"EUR": 20_000.0, "KRW": 30_000_000.0}
    assert learned_bounds(both.sample(fraction=1, shuffle=True, seed=1)) == bounds
    assert learned_bounds(log(1, "EUR")).prices == {"EUR": 20_000.0, "": 20_000.0}
    assert learned_bounds(pl.DataFrame({"item_id": ["a"]})) == AmountBounds()
    assert learned_bounds(pl.DataFrame({"price": [2.0]})).prices == {"": 200.0}


def decoded(bounds=None, catalogue=None, **fields):
    decoder = Decoder(Limits(check_skew=False), catalogue or Catalogue())
    event = {"event_id": "e", "visitor_id": "v", "ts": START, "event": "purchase", **fields}
    record = Record(0, START, b"v", json.dumps(event).encode())
    (click,) = decoder.decode([record], *([bounds] if bounds else []))
    return click, decoder.clipped


EUR = AmountBounds({"EUR": 1_000.0, "": 1_000.0})


@pytest.mark.parametrize("currency", ["EUR", None])
def test_what_is_beyond_the_bounds_is_clipped_flagged_and_counted(currency):
    named = {"currency": currency} if currency else {}
    basket = {"basket": ["b", "c"], "basket_prices": [9.0, 2_000.0]}
    click, clipped = decoded(EUR, price=5_000, value=1e6, **basket, **named)
    assert (click.price, click.value, click.basket_prices) == (1_000.0, 10_000.0, (9.0, 1_000.0))
    names = [name for name, bit in CLIPPED.items() if click.flags & bit]
    assert names == ["price", "value", "basket_prices"]
    assert clipped == {"price": 1, "value": 1, "basket_prices": 1}


@pytest.mark.parametrize("bounds", [None, EUR, AmountBounds()])
def test_another_currency_is_kept_as_sent(bounds):
    click, clipped = decoded(bounds, price=1_590_000, value=3_180_000, quantity=2, currency="KRW")
    assert (click.price, click.value, click.flags, clipped) == (1_590_000, 3_180_000, 0, {})


def test_what_the_catalogue_asks_is_no_outlier():
    shop = Catalogue()
    shop.put("ring", Item(price=25_000.0))
    click, clipped = decoded(EUR, shop, item_id="ring", value=25_000)
    assert (click.price, click.value, clipped) == (25_000.0, 25_000.0, {})


def test_training_clips_what_serving_clips():
    rows = [
        {"event_id": f"e{n}", "visitor_id": "v", "ts": START + n, "event": "view_item"} | row
        for n, row in enumerate(log(wrong=1e9).select("item_id", "price").iter_rows(named=True))
    ]
    replayed = LogReplay().through(pl.LazyFrame(rows))
    assert (replayed.clipped, replayed.bounds.prices) == ({"price": 1}, {"": 20_000.0})
    prices = replayed.examples().features[:, NAMES.index("price")]
    served, _ = decoded(replayed.bounds, price=1e9)
    again = LogReplay(bounds=replayed.bounds).through(pl.LazyFrame(rows[:8])).examples()
    assert served.price == 20_000.0
    assert again.features[7, NAMES.index("price")] == prices.max()
