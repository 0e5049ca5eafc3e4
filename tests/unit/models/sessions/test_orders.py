"""What orders come to: every item with its own price and pieces, and each order once."""

import pytest

from models.contract.events import EVENT_CODES, FILLED, Click
from models.sessions import orders
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state import cart, codes
from models.state.visitor import Visitor, decode, encode

T = 1_700_000_040_000
BAG = {"item_id": "a", "price": 10.0, "basket": ("b", "c"), "basket_prices": (15.0, 20.0)}
MINUTES = 60


class Walk:
    def __init__(self) -> None:
        self.visitor: Visitor | None = None
        self.number = 0

    def click(self, at_s: float, event: str, **fields):
        self.number += 1
        one = Click(
            event_id=f"e{self.number}", visitor_id="v", ts=T + int(at_s * 1000), event=event, **fields
        )
        self.visitor, facts = step(self.visitor, one, 0, SessionConfig())
        return facts

    @property
    def money(self) -> tuple[int, int, int]:
        return self.visitor.spend, self.visitor.total_spend, self.visitor.orders


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        (BAG, 45_000),
        (BAG | {"quantity": 2, "basket_quantities": (None, 3)}, 95_000),
        (BAG | {"basket_prices": (None, 20.0)}, 30_000),
        ({"item_id": "a", "price": 3.0, "quantity": 2, "basket": ("b",), "basket_prices": (4.0,)}, 10_000),
        ({"item_id": "a", "price": 0.1, "quantity": 3, "basket": ("b",), "basket_prices": (0.0004,)}, 300),
        ({"basket": ("b",), "basket_prices": (4.0,), "basket_quantities": (0,)}, 4_000),
        (BAG | {"value": 40.5}, 40_500),
        ({"value": 9.0}, 9_000),
    ],
)
def test_an_order_comes_to_its_value_or_to_all_of_its_items(fields, amount):
    walk = Walk()
    walk.click(0, "purchase", **fields)
    assert walk.money == (amount, amount, 1)


def test_a_cart_holds_every_item_at_its_own_price():
    walk = Walk()
    walk.click(0, "add_to_cart", **BAG, basket_quantities=(None, 2))
    assert walk.visitor.cart_value == 65_000
    assert [line[1:] for line in cart.lines(walk.visitor.cart)] == [(1, 10_000), (1, 15_000), (2, 20_000)]
    walk.click(1, "remove_from_cart", item_id="a", basket=("c",), basket_quantities=(1,))
    assert walk.visitor.cart_value == 35_000


def test_a_price_of_any_currency_is_kept_as_sent():
    walk = Walk()
    for item, price in (("krw", 1_590_000.0), ("vnd", 63_990_000.0), ("idr", 4_294_967.296)):
        walk.click(0, "add_to_cart", item_id=item, price=price)
    assert walk.visitor.cart_value == 69_874_967_296
    walk.click(1, "purchase", item_id="vnd", price=63_990_000.0, transaction_id="t")
    assert walk.money == (63_990_000_000, 63_990_000_000, 1)


def test_a_cart_of_an_earlier_program_reads_as_it_was():
    line = codes.identity("a", None).item + (3).to_bytes(4, "little") + (4_000_000_000).to_bytes(4, "little")
    assert cart.lines(line) == [(codes.identity("a", None).item, 3, 4_000_000_000)]
    assert cart.pack(cart.lines(line)[0]) == line


@pytest.mark.parametrize("between", [0, 1, 3, 16])
@pytest.mark.parametrize(
    "fields", [BAG, {"value": 45.0}, BAG | {"value": 45.0}, {"item_id": "a", "price": 45.0}]
)
@pytest.mark.parametrize("pause", [1, 31 * MINUTES])
def test_an_orders_page_counts_once_whatever_comes_in_between(between: int, fields, pause: int):
    walk = Walk()
    walk.click(0, "purchase", **fields, transaction_id="t")
    for number in range(between):
        walk.click(1, "purchase", value=1.0, transaction_id=f"other{number}")
    before, counted = walk.money, walk.visitor.counts[EVENT_CODES["purchase"]]
    facts = walk.click(1 + pause, "purchase", **fields, transaction_id="t")
    assert walk.money[1:] == before[1:] == (45_000 + between * 1_000, 1 + between)
    # An order's page is a page: it is no purchase of the session, for nobody who reads the step.
    assert (facts.repeated, facts.event) == (True, EVENT_CODES["page_view"])
    assert walk.visitor.counts[EVENT_CODES["purchase"]] == (0 if facts.fresh else counted)


VALUE, HAT, TIE = (
    {"value": 20.0},
    {"item_id": "a", "price": 5.0, "quantity": 2},
    {"item_id": "b", "price": 10.0},
)


@pytest.mark.parametrize(
    "told",
    [
        (VALUE, HAT, TIE),
        (HAT, VALUE, TIE),
        (HAT, TIE, VALUE),
        (VALUE, {**HAT, "basket": ("b",), "basket_prices": (10.0,)}),
        (VALUE | HAT, VALUE | TIE),
        (VALUE | {"item_id": "a"}, VALUE, HAT),
        (VALUE, {"value": 23.8}, HAT),
        ({"item_id": "a"}, {"item_id": "b"}, VALUE),
        (VALUE, *({"item_id": f"i{number}", "price": 1.0} for number in range(150))),
    ],
)
def test_lines_are_no_more_than_the_value_that_their_order_states(told):
    walk = Walk()
    for at, fields in enumerate(told):
        walk.click(2 * at, "purchase", **fields, transaction_id="t")
        walk.click(2 * at + 1, "purchase", value=1.0, transaction_id="u")
    assert walk.money == (21_000, 21_000, 2)


def test_lines_of_an_order_without_a_value_count_each():
    walk = Walk()
    for at, fields in enumerate((HAT, TIE, TIE | {"item_id": "c"})):
        assert not walk.click(at, "purchase", **fields, transaction_id="t").repeated
    assert walk.money == (30_000, 30_000, 1)


def test_a_value_that_follows_a_refund_of_its_lines_pays_nothing_again():
    walk = Walk()
    walk.click(0, "purchase", **HAT, transaction_id="t")
    walk.click(1, "refund", value=4.0)
    walk.click(2, "purchase", **VALUE, transaction_id="t")
    assert walk.money == (6_000, 6_000, 1)


LINE = {"item_id": "a", "price": 10.0}
PAIR = LINE | {"basket": ("b",), "basket_prices": (5.0,)}


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (PAIR, {"item_id": "b", "price": 5.0, "basket": ("a",), "basket_prices": (10.0,)}),
        (PAIR, {"basket": ("b", "a"), "basket_prices": (5.0, 10.0), "basket_quantities": (1, None)}),
        (LINE | {"quantity": 1}, LINE),
        (LINE, LINE | {"quantity": 0}),
        (LINE, {"basket": ("a",), "basket_prices": (10.0,)}),
        (LINE | {"quantity": 2}, LINE | {"basket": ("a",), "basket_prices": (10.0,)}),
    ],
)
def test_a_page_that_lists_its_lines_otherwise_is_the_same_page(first, again):
    walk = Walk()
    walk.click(0, "purchase", **first, transaction_id="t")
    before = walk.money
    assert walk.click(1, "purchase", **again, transaction_id="t").repeated
    assert walk.money == before


@pytest.mark.parametrize(
    "other", [LINE | {"quantity": 2}, LINE | {"price": 9.0}, LINE | {"item_id": "b"}, PAIR]
)
def test_other_lines_are_another_statement(other):
    walk = Walk()
    walk.click(0, "purchase", **LINE, transaction_id="t")
    assert not walk.click(1, "purchase", **other, transaction_id="t").repeated


def test_a_catalogues_price_that_changes_makes_no_new_purchase():
    walk = Walk()
    for at, price in enumerate((3.0, 4.0)):
        walk.click(at, "purchase", item_id="a", price=price, transaction_id="t", flags=FILLED["price"])
    assert walk.money == (3_000, 3_000, 1)


def test_orders_without_a_transaction_are_each_their_own():
    walk = Walk()
    for at in range(3):
        walk.click(at, "purchase", value=2.0)
    assert walk.money == (6_000, 6_000, 3)


def test_the_memory_of_orders_is_bounded():
    walk = Walk()
    for number in range(200):
        walk.click(number, "purchase", item_id=f"i{number}", price=1.0, transaction_id=f"t{number}")
    visitor = walk.visitor
    assert (len(visitor.recent_orders), len(visitor.statements), len(visitor.bought)) == (
        16 * 19,
        64 * 4,
        64 * 8,
    )
    assert orders.held(visitor, visitor.last_order).left == 1_000
    assert decode(encode(visitor)) == visitor
    assert walk.money == (200_000, 200_000, 200)


def test_a_refusal_of_consent_forgets_orders_and_items():
    walk = Walk()
    walk.click(0, "purchase", **BAG, transaction_id="t")
    walk.click(1, "purchase", value=2.0, transaction_id="u")
    walk.click(2, "page_view", consent=False)
    visitor = walk.visitor
    assert (visitor.recent_orders, visitor.statements, visitor.bought, visitor.orders) == (b"", b"", b"", 0)


def test_all_items_of_an_order_are_bought_the_latest_last():
    walk = Walk()
    walk.click(0, "purchase", **BAG)
    walk.click(1, "purchase", item_id="b")
    walk.click(2, "add_to_cart", item_id="d")
    hashes = [codes.identity(item, None).item for item in ("a", "c", "b")]
    assert walk.visitor.bought == b"".join(hashes)
