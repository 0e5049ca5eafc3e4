"""The session's cart inside a visitor's record: at most 50 distinct items, 16 bytes each.

A line is item hash u8, pieces u4, unit price in thousandths u4, little-endian, in the order of first adding.
"""

import struct
from collections.abc import Iterator
from typing import Final

from models.contract.events import Click
from models.state.codes import identity
from models.state.packed import find
from models.state.visitor import Visitor

LINE: Final = struct.Struct("<8sII")
MAX_LINES: Final = 50
MAX_PIECES: Final = 9_999
MAX_PRICE: Final = 0xFFFF_FFFF


def thousandths(amount: float) -> int:
    """An amount as the state keeps it."""
    return round(amount * 1000)


def items_of(click: Click) -> Iterator[bytes]:
    """Hash bytes of the event's item and of the further items of its basket."""
    if click.item_id is not None:
        yield identity(click.item_id, None).item
    for item_id in click.basket or ():
        yield identity(item_id, None).item


def add(visitor: Visitor, click: Click) -> None:
    """Adds the event's item (pieces: its quantity, else 1) and one piece of each of its basket's.

    The latest known price holds for the whole line. A 51st item is not taken in.
    """
    price = min(MAX_PRICE, thousandths(click.price)) if click.price is not None else 0
    pieces = click.quantity or 1
    if click.item_id is not None:
        _add(visitor, identity(click.item_id, None).item, pieces, price)
    for item_id in click.basket or ():
        _add(visitor, identity(item_id, None).item, 1, 0)


def remove(visitor: Visitor, click: Click) -> None:
    """Takes out the event's pieces; without a quantity, and for a basket's items, whole lines."""
    if click.item_id is not None:
        _remove(visitor, identity(click.item_id, None).item, click.quantity or MAX_PIECES)
    for item_id in click.basket or ():
        _remove(visitor, identity(item_id, None).item, MAX_PIECES)


def buy(visitor: Visitor, click: Click) -> None:
    """Takes out the lines of what was bought: all of them where the event names no item."""
    if click.item_id is None and not click.basket:
        visitor.cart, visitor.cart_value = b"", 0
    for item in items_of(click):
        _remove(visitor, item, MAX_PIECES)


def _add(visitor: Visitor, item: bytes, pieces: int, price: int) -> None:
    cart = visitor.cart
    at = find(cart, item, LINE.size)
    if at < 0:
        if len(cart) < MAX_LINES * LINE.size:
            pieces = min(pieces, MAX_PIECES)
            visitor.cart = cart + LINE.pack(item, pieces, price)
            visitor.cart_value += pieces * price
        return
    _, old_pieces, old_price = LINE.unpack_from(cart, at)
    pieces, price = min(old_pieces + pieces, MAX_PIECES), price or old_price
    visitor.cart = cart[:at] + LINE.pack(item, pieces, price) + cart[at + LINE.size :]
    visitor.cart_value += pieces * price - old_pieces * old_price


def _remove(visitor: Visitor, item: bytes, pieces: int) -> None:
    cart = visitor.cart
    at = find(cart, item, LINE.size)
    if at < 0:
        return
    _, old_pieces, price = LINE.unpack_from(cart, at)
    left = max(0, old_pieces - pieces)
    line = LINE.pack(item, left, price) if left else b""
    visitor.cart = cart[:at] + line + cart[at + LINE.size :]
    visitor.cart_value -= (old_pieces - left) * price
