"""Refunds: they take back at most the money spent, and each order at most once."""

import xxhash

from models.contract.events import Click
from models.state import cart
from models.state.visitor import Visitor


def take_back(visitor: Visitor, click: Click, order: int) -> None:
    """Applies a refund to spend and orders; `order` is the hash of its transaction, 0 for none.

    The record holds the rest of the latest order only; a refund of another transaction is limited by all
    other orders together.
    """
    latest, named = order in (0, visitor.last_order), _named(click) if order else 0
    repeated = named != 0 and named == visitor.last_refund
    others = visitor.orders - (not visitor.order_undone)
    if visitor.orders + visitor.total_spend == 0 or not (latest or others > 0):
        return
    whole = click.item_id is None and not click.basket
    unpriced = click.value is None and click.price is None
    left, total = visitor.order_left, visitor.total_spend
    asked = _asked(click, left if latest and whole else 0, repeated)
    if not (asked or unpriced):
        return
    bought = total if order == 0 else left if latest else total - left
    _pay_back(visitor, min(bought, asked), latest)
    if latest:
        if visitor.order_left == 0 and (left > 0 or (order != 0 and whole and unpriced)):
            _undo(visitor)
    elif whole and not repeated and (unpriced or 0 < bought <= asked):
        visitor.orders -= 1
    visitor.last_refund = named or visitor.last_refund


def _named(click: Click) -> int:
    """Hash of what a refund names: its transaction, value and items. Two parts of an order differ in it."""
    value = "" if click.value is None else str(cart.thousandths(click.value))
    texts = (click.transaction_id or "", value, click.item_id or "", *(click.basket or ()))
    return xxhash.xxh3_64_intdigest("\n".join(texts).encode())


def _asked(click: Click, left: int, repeated: bool) -> int:
    """The amount in thousandths: the value (the same one once), else price times quantity, else `left`."""
    if click.value is not None:
        return 0 if repeated else cart.thousandths(click.value)
    return left if click.price is None else cart.thousandths(click.price * (click.quantity or 1))


def _pay_back(visitor: Visitor, amount: int, latest: bool) -> None:
    visitor.total_spend -= amount
    if latest:
        visitor.order_left -= min(amount, visitor.order_left)
        if visitor.purchase_ts >= visitor.start_ts:
            visitor.spend -= min(amount, visitor.spend)
    # The rest of all orders bounds the rest of this session's.
    visitor.spend = min(visitor.spend, visitor.total_spend)


def _undo(visitor: Visitor) -> None:
    """Removes the latest order from the count."""
    if not visitor.order_undone:
        visitor.order_undone = True
        visitor.orders = max(0, visitor.orders - 1)
