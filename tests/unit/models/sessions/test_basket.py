"""The basket: what earlier sessions left in the cart stays, until it is bought, removed or too old."""

from models.sessions.basket import MAX_KEPT
from models.state.cart import WIDTH
from models.state.visitor import Visitor, decode, encode
from tests.unit.models.sessions.test_session import T, Walk

DAY_S = 86_400


def test_what_a_session_left_is_in_the_basket_of_the_next() -> None:
    walk = Walk()
    walk.click(0, "add_to_cart", item_id="shoe", price=20.0, quantity=2)
    walk.click(5, "add_to_cart", item_id="hat")
    walk.click(DAY_S, "view_item", item_id="coat", price=90.0)
    visitor = walk.visitor
    assert (visitor.cart_items, len(visitor.kept) // WIDTH) == (0, 2)
    assert visitor.basket == [2, 3, 40_000, 1, 20_000, 20_000, 20_000]
    assert visitor.basket_ts == T + 5_000
    walk.click(DAY_S + 5, "add_to_cart", item_id="coat", price=90.0)
    assert visitor.basket == [3, 4, 130_000, 2, 110_000, 20_000, 90_000]
    assert decode(encode(visitor)) == visitor


def test_an_item_is_in_it_once() -> None:
    walk = Walk()
    walk.click(0, "add_to_cart", item_id="shoe", price=20.0, quantity=2)
    walk.click(DAY_S, "add_to_cart", item_id="shoe", price=25.0)
    assert walk.visitor.kept == b""
    assert walk.visitor.basket == [1, 1, 25_000, 1, 25_000, 25_000, 25_000]


def test_removed_and_bought_items_leave_it() -> None:
    walk = Walk()
    for number, item in enumerate(("shoe", "hat", "coat")):
        walk.click(number, "add_to_cart", item_id=item, price=10.0)
    walk.click(DAY_S, "remove_from_cart", item_id="hat")
    assert walk.visitor.basket[0] == 2
    walk.click(DAY_S + 1, "purchase", item_id="shoe", value=10.0)
    assert walk.visitor.basket[0] == 1
    walk.click(DAY_S + 2, "purchase", value=10.0)
    assert (walk.visitor.basket, walk.visitor.kept) == ([], b"")


def test_it_is_given_up_after_thirty_days() -> None:
    walk = Walk()
    walk.click(0, "add_to_cart", item_id="shoe", price=20.0)
    walk.click(30 * DAY_S, "page_view")
    assert walk.visitor.basket
    walk.click(60 * DAY_S, "page_view")
    assert (walk.visitor.basket, walk.visitor.kept) == ([], b"")


def test_it_is_bounded() -> None:
    walk = Walk()
    for session in range(3):
        for number in range(10):
            walk.click(session * DAY_S + number, "add_to_cart", item_id=f"{session} {number}", price=1.0)
    walk.click(4 * DAY_S, "page_view")
    assert len(walk.visitor.kept) == MAX_KEPT * WIDTH
    assert walk.visitor.basket[0] == MAX_KEPT


def test_a_visitor_who_refuses_has_none() -> None:
    walk = Walk()
    walk.click(0, "add_to_cart", item_id="shoe", price=20.0)
    walk.click(DAY_S, "add_to_cart", item_id="hat", price=20.0, consent=False)
    visitor = walk.visitor
    assert [visitor.kept, visitor.basket, visitor.basket_ts] == [b"", [], 0]


def test_a_record_of_before_has_an_empty_one() -> None:
    former = encode(Visitor())
    fields = len(Visitor.__struct_fields__)
    assert former[:3] == b"\xdc" + fields.to_bytes(2, "big")
    shorter = b"\xdc" + (fields - 3).to_bytes(2, "big") + former[3:-4]
    assert decode(shorter) == Visitor()
