"""A visitor's recent orders, so that each counts once and a refund takes back what its own order came to.

Beside the latest order the record holds 16 earlier ones that name a transaction. What was said of them is in
`models.sessions.statements`.
"""

from typing import Final, NamedTuple

import xxhash

from models.contract import baskets
from models.contract.events import Click
from models.sessions.statements import REFUNDED, STATED, has_mark, mark
from models.state.cart import thousandths
from models.state.packed import find
from models.state.visitor import ORDER, ORDERS_BYTES, Visitor

ORDER_HASH_BYTES: Final = 8
digest: Final = xxhash.xxh3_64_digest


class Order(NamedTuple):
    """An order: hash of its transaction (0: none), what is left of it, and the session it was bought in.

    `left` is in thousandths, less refunds; `session` is the session's number, 0 where it was an earlier one.
    """

    order: int
    left: int
    undone: bool
    session: int


def order_of(click: Click) -> int:
    """Hash of the transaction that an event names, 0 for none."""
    return int.from_bytes(digest(click.transaction_id.encode()), "big") if click.transaction_id else 0


def amount_of(click: Click) -> int | None:
    """What an event comes to, in thousandths: its value, else price times pieces, summed over its items.

    None where it has neither a value nor a price. Missing or 0 pieces are one.
    """
    worth = baskets.worth(click)
    return None if worth is None else thousandths(worth)


def latest(visitor: Visitor) -> Order:
    """The latest order; all 0 where there is none."""
    session = visitor.sessions if visitor.purchase_ts >= visitor.start_ts else 0
    return Order(visitor.last_order, visitor.order_left, visitor.order_undone, session)


def enter(visitor: Visitor, order: int) -> bool:
    """Make an order the latest one; returns whether it was known. 0, no transaction, is always a new one."""
    if order and order == visitor.last_order:
        return True
    before, others = latest(visitor), visitor.recent_orders
    at = _place(others, order)
    found = Order._make(ORDER.unpack_from(others, at)) if at >= 0 else Order(order, 0, False, 0)
    if at >= 0:
        others = others[:at] + others[at + ORDER.size :]
    if before.order:
        others += ORDER.pack(*before)
    visitor.recent_orders = others[-ORDERS_BYTES:]
    visitor.last_order, visitor.order_undone = order, found.undone
    visitor.order_left = min(found.left, visitor.total_spend)
    return at >= 0


def held(visitor: Visitor, order: int) -> Order | None:
    """An order that the record holds; the latest one for 0."""
    if order in (0, visitor.last_order):
        return latest(visitor)
    at = _place(visitor.recent_orders, order)
    return Order._make(ORDER.unpack_from(visitor.recent_orders, at)) if at >= 0 else None


def put(visitor: Visitor, order: Order) -> None:
    """Replace an order that the record holds."""
    if order.order == visitor.last_order:
        visitor.order_left, visitor.order_undone = order.left, order.undone
        return
    others = visitor.recent_orders
    at = _place(others, order.order)
    visitor.recent_orders = others[:at] + ORDER.pack(*order) + others[at + ORDER.size :]


def not_held(visitor: Visitor) -> tuple[int, int]:
    """The number of orders that the record does not hold, and what they came to at most, in thousandths."""
    held_orders = [latest(visitor), *map(Order._make, ORDER.iter_unpack(visitor.recent_orders))]
    standing = sum(not order.undone for order in held_orders)
    left = sum(order.left for order in held_orders)
    return visitor.orders - standing, max(0, visitor.total_spend - left)


def bought(visitor: Visitor, click: Click, order: int, known: bool) -> int:
    """What a purchase adds, in thousandths: an order's stated value counts once, and its lines only without.

    A value that follows lines adds what they lack of it. Call after `enter`.
    """
    amount = amount_of(click) or 0
    if not order:
        return amount
    stated, gave_back = has_mark(visitor, STATED, order), has_mark(visitor, REFUNDED, order)
    if stated or click.value is not None:
        mark(visitor, STATED, order)
    if stated:
        return 0
    if not known or click.value is None:
        return amount
    # What is left is less than what the lines came to, by an amount that nobody knows.
    return 0 if gave_back or visitor.order_undone else max(0, amount - visitor.order_left)


def _place(orders: bytes, order: int) -> int:
    return find(orders, order.to_bytes(ORDER_HASH_BYTES, "little"), ORDER.size) if order else -1
