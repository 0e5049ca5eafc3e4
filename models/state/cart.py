"""The session's cart inside a visitor's record: at most 50 distinct items, 16 bytes each.

A line is item hash u8, pieces u2, unit price in thousandths u6 (its high u2, then its low u4), little-endian,
in the order of first adding. Where the price's high part is 0, lines of earlier programs are the same.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from models.contract import baskets
from models.contract.events import Click
from models.state.codes import identity
from models.state.packed import find
from models.state.visitor import Visitor

_LINE: Final = struct.Struct("<8sHHI")
WIDTH: Final = _LINE.size
MAX_LINES: Final = 50
MAX_PIECES: Final = 9_999
#: Ten billion of the currency; the largest cart's value is below 2^63.
MAX_PRICE: Final = 10_000_000_000_000
#: Places in `Visitor.basket`, the sums of `models.sessions.basket`; amounts are in thousandths.
LINES, PIECES, VALUE, PRICED, PRICES, LEAST, MOST = range(7)
#: The sums of a basket with nothing in it; the record has an empty list.
NO_BASKET: Final = [0] * 7


def thousandths(amount: float) -> int:
    """An amount as the state keeps it."""
    return round(amount * 1000)


class CartLine(NamedTuple):
    """Item hash (8 bytes), pieces, and the price of one in thousandths (0: not known)."""

    item: bytes
    pieces: int
    price: int


def pack(line: CartLine) -> bytes:
    """A line as the state keeps it."""
    return _LINE.pack(line.item, line.pieces, line.price >> 32, line.price & 0xFFFF_FFFF)


def lines(cart: bytes) -> list[CartLine]:
    """The lines of a cart, in order."""
    return [CartLine(item, pieces, high << 32 | low) for item, pieces, high, low in _LINE.iter_unpack(cart)]


def items_of(click: Click) -> Iterator[bytes]:
    """Hash bytes of the event's item and of the further items of its basket."""
    if click.item_id is not None:
        yield identity(click.item_id, None).item
    for item_id in click.basket or ():
        yield identity(item_id, None).item


def add(visitor: Visitor, click: Click) -> None:
    """Adds the event's items, each at its own price (pieces: its quantity, else 1).

    The latest known price holds for the whole line. A 51st item is not taken in.
    """
    if click.item_id is not None:
        _add(visitor, identity(click.item_id, None).item, click.quantity or 1, _price(click.price))
    for item_id, price, quantity in baskets.further(click):
        _add(visitor, identity(item_id, None).item, quantity or 1, _price(price))


def _price(price: float | None) -> int:
    return 0 if price is None else min(MAX_PRICE, thousandths(price))


def remove(visitor: Visitor, click: Click) -> None:
    """Takes out the event's pieces; whole lines of items without a quantity."""
    if click.item_id is not None:
        _remove(visitor, identity(click.item_id, None).item, click.quantity or MAX_PIECES)
    for item_id, _, quantity in baskets.further(click):
        _remove(visitor, identity(item_id, None).item, quantity or MAX_PIECES)


def buy(visitor: Visitor, click: Click) -> None:
    """Takes out the lines of what was bought: all of them where the event names no item."""
    if click.item_id is None and not click.basket:
        visitor.cart, visitor.cart_value = b"", 0
    for item in items_of(click):
        _remove(visitor, item, MAX_PIECES)


def _add(visitor: Visitor, item: bytes, pieces: int, price: int) -> None:
    cart = visitor.cart
    at = find(cart, item, WIDTH)
    if at < 0:
        if len(cart) < MAX_LINES * WIDTH:
            pieces = min(pieces, MAX_PIECES)
            visitor.cart = cart + pack(CartLine(item, pieces, price))
            visitor.cart_value += pieces * price
        return
    old = _line(cart, at)
    pieces, price = min(old.pieces + pieces, MAX_PIECES), price or old.price
    visitor.cart = cart[:at] + pack(CartLine(item, pieces, price)) + cart[at + WIDTH :]
    visitor.cart_value += pieces * price - old.pieces * old.price


def _remove(visitor: Visitor, item: bytes, pieces: int) -> None:
    cart = visitor.cart
    at = find(cart, item, WIDTH)
    if at < 0:
        return
    old = _line(cart, at)
    left = max(0, old.pieces - pieces)
    line = pack(old._replace(pieces=left)) if left else b""
    visitor.cart = cart[:at] + line + cart[at + WIDTH :]
    visitor.cart_value -= (old.pieces - left) * old.price


def _line(cart: bytes, at: int) -> CartLine:
    return lines(cart[at : at + WIDTH])[0]
