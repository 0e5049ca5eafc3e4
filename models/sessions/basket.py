"""The basket: what is in the session's cart, and what earlier sessions left in theirs.

Many shops keep a cart from visit to visit, and what was left in it says much of the next purchase. The lines
of earlier sessions are those of `models.state.cart`, at most 16, for 30 days after the last change of cart or
basket. Their sums are kept beside them, because they change far less often than they are read.
"""

from collections.abc import Iterable
from typing import Final

from models.durations import DAY_MS
from models.state.cart import WIDTH, lines
from models.state.packed import find
from models.state.visitor import Visitor

MAX_KEPT: Final = 16
KEPT_MS: Final = 30 * DAY_MS


def carry_over(visitor: Visitor, now: int) -> None:
    """Begins a session of a visitor with a basket: the cart's lines follow those of earlier sessions."""
    if now - visitor.basket_ts > KEPT_MS:
        visitor.kept, visitor.basket = b"", []
        return
    if visitor.cart:
        visitor.kept = (visitor.kept + visitor.cart)[-MAX_KEPT * WIDTH :]
        visitor.basket = _sums(visitor.kept)


def changed(visitor: Visitor, items: Iterable[bytes] | None) -> None:
    """After a change of the cart: of the event's `items` (hash bytes) no line of an earlier session stays,
    whether it added, removed or bought them. None: of no item.
    """
    visitor.basket_ts = visitor.last_ts
    if items is None:
        visitor.kept = b""
    for item in items or ():
        at = find(visitor.kept, item, WIDTH)
        if at >= 0:
            visitor.kept = visitor.kept[:at] + visitor.kept[at + WIDTH :]
    visitor.basket = _sums(visitor.kept + visitor.cart)


def _sums(packed: bytes) -> list[int]:
    held = lines(packed)
    prices = [line.price for line in held if line.price]
    pieces, value = sum(line.pieces for line in held), sum(line.pieces * line.price for line in held)
    if not held:
        return []
    return [
        len(held),
        pieces,
        value,
        len(prices),
        sum(prices),
        min(prices, default=0),
        max(prices, default=0),
    ]
