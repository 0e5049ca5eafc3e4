"""Record a click in its visitor's record, beside counts: items, pages, taste, cart, orders, the code."""

from typing import Final

import xxhash

from models.contract.events import EVENT_CODES, Click
from models.sessions import basket, orders, statements
from models.sessions.lifecycle import ADD_TO_CART, BEGIN_CHECKOUT, PURCHASE
from models.sessions.refunds import take_back
from models.state import cart
from models.state.codes import IN_CART, ITEM_BYTES, NO_ITEM, PAGE, SEEN, WIDTH, identity, pack, price_bucket
from models.state.packed import find, has
from models.state.profile import count_taste
from models.state.visitor import (
    BOUGHT_BYTES,
    CODES_BYTES,
    MAX_AMOUNT,
    MAX_COUNT,
    PAGES_BYTES,
    SEEN_BYTES,
    Visitor,
)

PAGE_BYTES: Final = 4
#: Most ratings in the sum; beyond it, sum and count are halved.
MAX_RATINGS: Final = 1_000
digest: Final = xxhash.xxh3_64_digest


def record_click(visitor: Visitor, click: Click, event: int, dwell: int, flags: int) -> bytes:
    """Returns the click's code; unless consent was refused, code and content go into the state."""
    item, category = identity(click.item_id, click.category)
    price = price_bucket(click.price)
    page = digest(click.page.encode()) if click.page is not None else NO_ITEM
    subject = item
    if item == NO_ITEM and page != NO_ITEM:
        subject, flags = page[::-1], flags | PAGE
    if visitor.denied:
        return pack(subject, category, event, dwell, price, flags)
    if item != NO_ITEM:
        flags |= _see(visitor, item)
    if page != NO_ITEM and len(visitor.pages) < PAGES_BYTES:
        short = page[:PAGE_BYTES]
        if not has(visitor.pages, short, PAGE_BYTES):
            visitor.pages += short
    count_taste(visitor, event, category, price)
    if event in EFFECTS_BY_EVENT:
        EFFECTS_BY_EVENT[event](visitor, click)
    code = pack(subject, category, event, dwell, price, flags)
    visitor.codes = (visitor.codes + code)[-CODES_BYTES:]
    return code


def _see(visitor: Visitor, item: bytes) -> int:
    """Adds an item (8 hash bytes) to the session's distinct ones; returns the flags SEEN and IN_CART."""
    flags = 0
    if has(visitor.seen, item, ITEM_BYTES):
        flags = SEEN
    elif len(visitor.seen) < SEEN_BYTES:
        visitor.seen += item
    if visitor.cart and has(visitor.cart, item, WIDTH):
        flags |= IN_CART
    return flags


def _add_to_cart(visitor: Visitor, click: Click) -> None:
    visitor.cart_ts = visitor.last_ts
    cart.add(visitor, click)
    basket.changed(visitor, cart.items_of(click))


def _remove_from_cart(visitor: Visitor, click: Click) -> None:
    cart.remove(visitor, click)
    basket.changed(visitor, cart.items_of(click))


def _begin_checkout(visitor: Visitor, _: Click) -> None:
    visitor.checkout_ts = visitor.last_ts


def _purchase(visitor: Visitor, click: Click) -> None:
    """A transaction's `value` counts once; without one, events count the sum of their lines, each."""
    order = orders.order_of(click)
    known = orders.enter(visitor, order)
    if not known:
        visitor.orders = min(MAX_COUNT, visitor.orders + 1)
    amount = orders.bought(visitor, click, order, known)
    visitor.purchase_ts = visitor.last_ts
    visitor.spend = min(MAX_AMOUNT, visitor.spend + amount)
    visitor.total_spend = min(MAX_AMOUNT, visitor.total_spend + amount)
    visitor.order_left = min(MAX_AMOUNT, visitor.order_left + amount)
    statements.remember(visitor, click)
    for item in cart.items_of(click):
        _own(visitor, item)
    cart.buy(visitor, click)
    named = click.item_id is not None or click.basket
    basket.changed(visitor, cart.items_of(click) if named else None)


def _own(visitor: Visitor, item: bytes) -> None:
    """Makes an item (8 hash bytes) the latest one bought."""
    bought = visitor.bought
    at = find(bought, item, ITEM_BYTES)
    if at >= 0:
        bought = bought[:at] + bought[at + ITEM_BYTES :]
    visitor.bought = (bought + item)[-BOUGHT_BYTES:]


def _rate(visitor: Visitor, click: Click) -> None:
    """Adds a rating to the visitor's sum; old ones fade, so that the sum stays small."""
    if click.rating is None:
        return
    if visitor.rating_count >= MAX_RATINGS:
        visitor.rating_sum, visitor.rating_count = visitor.rating_sum // 2, visitor.rating_count // 2
    visitor.rating_sum += cart.thousandths(click.rating)
    visitor.rating_count += 1


#: Further effects of some events, by event code.
EFFECTS_BY_EVENT: Final = {
    ADD_TO_CART: _add_to_cart,
    EVENT_CODES["remove_from_cart"]: _remove_from_cart,
    BEGIN_CHECKOUT: _begin_checkout,
    PURCHASE: _purchase,
    EVENT_CODES["refund"]: take_back,
    EVENT_CODES["rate_item"]: _rate,
}
