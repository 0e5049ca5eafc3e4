"""What a refund takes back, rule by rule of docs/state.md, and what holds whatever comes in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract.events import Click
from models.features import features
from models.features.features import NAMES
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import decode, encode

T = 1_700_000_040_000
DAY_S = 86_400


class Walk:
    def __init__(self):
        self.visitor, self.number, self.row = None, 0, b""

    def click(self, at_s, event, **fields):
        self.number += 1
        click = Click(
            event_id=f"e{self.number}", visitor_id="ann", ts=T + int(at_s * 1000), event=event, **fields
        )
        self.visitor, facts = step(self.visitor, click, 0, SessionConfig())
        self.row = features.row(self.visitor, click, facts)
        return self.money

    @property
    def money(self):
        """Session's spend, total, orders."""
        return self.visitor.spend, self.visitor.total_spend, self.visitor.orders


@pytest.fixture
def bought():
    """An order of two lines: 20 and 5."""
    walk = Walk()
    walk.click(0, "purchase", item_id="hat", price=10.0, quantity=2, transaction_id="t1")
    assert walk.click(1, "purchase", item_id="tie", price=5.0, transaction_id="t1") == (25_000, 25_000, 1)
    return walk


@pytest.mark.parametrize(
    "fields",
    [
        {"transaction_id": "t1"},
        {"transaction_id": "t1", "value": 25.0},
        {"transaction_id": "t1", "value": 900.0},
        {"value": 25.0},
        {},
        {"transaction_id": "t1", "item_id": "hat", "value": 25.0},
    ],
)
def test_a_whole_order_comes_back_once(bought, fields):
    assert bought.click(9, "refund", **fields) == (0, 0, 0)
    assert bought.click(10, "refund", **fields) == (0, 0, 0)


def test_lines_come_back_one_by_one_and_the_last_one_undoes_the_order(bought):
    assert bought.click(9, "refund", item_id="hat", price=10.0, transaction_id="t1") == (15_000, 15_000, 1)
    assert bought.click(9, "refund", item_id="hat", price=10.0, transaction_id="t1") == (5_000, 5_000, 1)
    assert bought.click(9, "refund", item_id="tie", price=5.0, transaction_id="t1") == (0, 0, 0)


def test_the_same_value_of_the_same_transaction_counts_once(bought):
    assert bought.click(9, "refund", value=8.0, transaction_id="t1") == (17_000, 17_000, 1)
    assert bought.click(10, "refund", value=8.0, transaction_id="t1") == (17_000, 17_000, 1)


def test_two_parts_of_one_transaction_both_come_back_and_each_once(bought):
    hat, tie = (
        {"item_id": item, "value": value, "transaction_id": "t1"}
        for item, value in (("hat", 9.0), ("tie", 3.0))
    )
    assert bought.click(9, "refund", **hat) == (16_000, 16_000, 1)
    assert bought.click(10, "refund", **hat) == (16_000, 16_000, 1)
    assert bought.click(11, "refund", **tie) == (13_000, 13_000, 1)
    assert bought.click(12, "refund", **tie) == (13_000, 13_000, 1)
    assert bought.click(13, "refund", value=3.0, basket=("tie", "bow"), transaction_id="t1") == (
        10_000,
        10_000,
        1,
    )
    assert bought.click(14, "refund", value=3.0, basket=("tie", "bow"), transaction_id="t1") == (
        10_000,
        10_000,
        1,
    )
    assert bought.click(15, "refund", value=2.0, transaction_id="t1") == (8_000, 8_000, 1)


def test_a_part_of_an_older_order_leaves_the_number_of_orders(bought):
    bought.click(5, "purchase", value=7.0, transaction_id="t2")
    assert bought.click(9, "refund", value=5.0, transaction_id="t1") == (27_000, 27_000, 2)
    assert bought.click(10, "refund", price=5.0, transaction_id="t1") == (22_000, 22_000, 2)
    assert bought.click(11, "refund", value=15.0, transaction_id="t1") == (7_000, 7_000, 1), "nothing is left"
    assert bought.click(12, "refund", value=14.0, transaction_id="t1") == (7_000, 7_000, 1)


@pytest.mark.parametrize("fields", [{"value": 0.0}, {"value": 0.0004}, {"value": 0.0, "item_id": "hat"}])
@pytest.mark.parametrize("order", [None, "t1", "t2"])
def test_a_refund_of_nothing_changes_nothing(bought, fields, order):
    bought.click(5, "purchase", value=7.0, transaction_id="t2")
    bought.click(6, "refund", value=1.0, transaction_id="t2")
    told = bought.visitor.statements
    assert bought.click(9, "refund", **fields, transaction_id=order) == (31_000, 31_000, 2)
    assert (bought.visitor.order_left, bought.visitor.statements) == (6_000, told)


def test_what_was_bought_before_does_not_leave_this_sessions_spend(bought):
    bought.click(2 * DAY_S, "purchase", value=7.0, transaction_id="t2")
    assert bought.click(2 * DAY_S + 5, "refund", value=25.0, transaction_id="t1") == (7_000, 7_000, 1)
    assert bought.click(2 * DAY_S + 6, "refund", transaction_id="t2") == (0, 0, 0)


def test_a_later_session_gives_back_what_an_earlier_one_bought(bought):
    assert bought.click(2 * DAY_S, "refund", transaction_id="t1") == (0, 0, 0)


def test_an_older_order_gives_back_what_it_came_to(bought):
    bought.click(5, "purchase", value=7.0, transaction_id="t2")
    assert bought.click(9, "refund", transaction_id="t1") == (7_000, 7_000, 1)
    assert bought.click(10, "refund", transaction_id="t1") == (7_000, 7_000, 1)
    assert bought.click(11, "refund") == (0, 0, 0), "the latest order is still t2"


def test_an_order_of_which_the_amount_is_forgotten_lowers_orders_alone(bought):
    for number in range(17):
        bought.click(5, "purchase", value=1.0, transaction_id=f"new{number}")
    assert bought.click(9, "refund", transaction_id="t1") == (42_000, 42_000, 17)
    assert bought.click(10, "refund", transaction_id="t1") == (42_000, 42_000, 17)


RETURN = {"item_id": "hat", "price": 10.0, "quantity": 2}


def test_a_return_under_a_number_of_its_own_takes_back_what_was_bought_and_no_order(bought):
    assert bought.click(9, "refund", **RETURN, transaction_id="C1") == (5_000, 5_000, 1)
    assert bought.click(10, "refund", **RETURN, transaction_id="C1") == (5_000, 5_000, 1)
    assert bought.click(11, "refund", **RETURN, transaction_id="C2") == (0, 0, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"item_id": "scarf", "price": 10.0},
        {"item_id": "hat"},
        {"value": 25.0},
        {"basket": ("scarf", "glove"), "basket_prices": (1.0, 2.0)},
    ],
)
def test_a_return_of_what_was_not_bought_changes_nothing(bought, fields):
    assert bought.click(9, "refund", **fields, transaction_id="C1") == (25_000, 25_000, 1)


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"basket": ("tie",), "basket_prices": (5.0,), **RETURN}, 0),
        ({"basket": ("tie",), "basket_prices": (5.0,), "item_id": "hat", "price": 10.0}, 10_000),
        ({"basket": ("tie",), "basket_prices": (None,), **RETURN}, 5_000),
        ({"basket": ("tie", "hat"), "basket_prices": (5.0, 10.0), "basket_quantities": (None, 2)}, 0),
    ],
)
def test_every_item_of_a_refund_counts_with_its_price_and_pieces(bought, fields, left):
    assert bought.click(9, "refund", **fields, transaction_id="t1")[1] == left


def test_a_free_order_can_be_undone():
    walk = Walk()
    assert walk.click(0, "purchase", value=0.0, transaction_id="t1") == (0, 0, 1)
    assert walk.click(1, "refund", transaction_id="t1") == (0, 0, 0)


def test_an_order_without_a_transaction():
    walk = Walk()
    walk.click(0, "purchase", value=4.0)
    walk.click(1, "purchase", value=6.0)
    assert walk.click(2, "refund") == (4_000, 4_000, 1)
    assert walk.click(3, "refund") == (4_000, 4_000, 1)
    assert walk.click(4, "refund", value=3.0) == (1_000, 1_000, 1)


@pytest.mark.parametrize("fields", [{}, {"value": 5.0}, {"transaction_id": "t1"}, {"transaction_id": "t9"}])
def test_what_was_never_bought_cannot_come_back(fields):
    walk = Walk()
    assert walk.click(0, "refund", **fields) == (0, 0, 0)
    walk.click(1, "purchase", value=4.0, transaction_id="t2")
    if "transaction_id" in fields:
        assert walk.click(2, "refund", **fields) == (4_000, 4_000, 1)


def test_features_see_it(bought):
    bought.click(9, "refund", transaction_id="t1", item_id="tie", price=5.0)
    found = dict(zip(NAMES, features.matrix(bought.row)[0].tolist(), strict=True))
    assert found["total_spend"] == found["spend"] == pytest.approx(3.0445, abs=1e-3)
    assert bought.click(10, "refund", transaction_id="t1") == (0, 0, 0)
    found = dict(zip(NAMES, features.matrix(bought.row)[0].tolist(), strict=True))
    assert found["orders"] == found["total_spend"] == 0


def test_a_refusal_of_consent_erases_it(bought):
    bought.click(2, "rate_item", rating=4.0)
    bought.click(3, "refund", transaction_id="t1", value=5.0)
    bought.click(4, "page_view", consent=False)
    visitor = bought.visitor
    assert [visitor.order_left, visitor.last_refund, visitor.rating_sum, visitor.rating_count] == [0] * 4
    assert visitor.order_undone is False


def test_a_record_without_the_new_fields_is_read(bought):
    import msgspec

    fields = msgspec.msgpack.decode(encode(bought.visitor))
    at = list(bought.visitor.__struct_fields__).index("order_left")
    assert decode(msgspec.msgpack.encode(fields[:at])).total_spend == 25_000


AMOUNTS = st.none() | st.sampled_from((0.0, 1.0, 9.99, 1e6)) | st.floats(0, 1e12)
TRADES = st.builds(
    dict,
    event=st.sampled_from(("purchase", "refund", "refund", "view_item")),
    item_id=st.none() | st.just("hat"),
    price=AMOUNTS,
    value=AMOUNTS,
    quantity=st.none() | st.integers(0, 5),
    transaction_id=st.none() | st.sampled_from(("t1", "t2", "t3")),
    wait=st.sampled_from((1, 1, 1, 3_600)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TRADES, max_size=30))
def test_nobody_gets_back_more_than_was_paid(trades):
    walk, at, paid, orders = Walk(), 0, 0, 0
    for trade in trades:
        at += trade["wait"]
        total, count = (walk.visitor.total_spend, walk.visitor.orders) if walk.visitor else (0, 0)
        walk.click(at, **{name: value for name, value in trade.items() if name != "wait"})
        visitor = walk.visitor
        if trade["event"] == "purchase":
            paid += visitor.total_spend - total
            orders += visitor.orders - count
        assert 0 <= visitor.spend <= visitor.total_spend <= paid
        assert 0 <= visitor.order_left <= visitor.total_spend
        assert 0 <= visitor.orders <= orders
        if trade["event"] == "refund" and not total and not count:
            assert (visitor.total_spend, visitor.orders) == (0, 0)
        if trade["event"] == "view_item":
            assert (visitor.total_spend, visitor.orders) == (total, count)


@settings(max_examples=100, deadline=None)
@given(st.lists(TRADES.filter(lambda trade: trade["event"] != "purchase"), max_size=10))
def test_without_a_purchase_a_refund_changes_nothing(trades):
    walk, at = Walk(), 0
    for trade in trades:
        at += trade["wait"]
        assert walk.click(at, **{n: v for n, v in trade.items() if n != "wait"}) == (0, 0, 0)
        assert (walk.visitor.order_left, walk.visitor.last_refund) == (0, 0)


def test_ratings_are_summed_and_old_ones_fade():
    walk = Walk()
    for number in range(1_000):
        walk.click(number, "rate_item", item_id="hat", rating=4.5)
    walk.click(1_000, "rate_item", item_id="hat")
    assert (walk.visitor.rating_sum, walk.visitor.rating_count) == (4_500_000, 1_000)
    walk.click(1_001, "rate_item", item_id="hat", rating=1.0)
    assert (walk.visitor.rating_sum, walk.visitor.rating_count) == (2_251_000, 501)
