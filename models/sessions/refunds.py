"""Refunds: they take back at most the money spent, and each order at most once."""

from models.contract.events import Click
from models.sessions import orders, statements
from models.sessions.orders import Order
from models.state.cart import items_of
from models.state.codes import ITEM_BYTES
from models.state.packed import has
from models.state.visitor import Visitor


def take_back(visitor: Visitor, click: Click) -> None:
    """Apply a refund to spend and orders.

    Without a transaction it is of the latest order. One of an order that the record does not hold is limited
    by all such orders together; where there is none, it is a return under a number of its own.
    """
    if visitor.orders + visitor.total_spend == 0:
        return
    order = orders.order_of(click)
    known, repeated = orders.held(visitor, order), statements.repeats(visitor, click)
    if known is not None:
        applied = _of_known(visitor, click, known, order, repeated)
    elif orders.not_held(visitor)[0] > 0:
        applied = _of_other(visitor, click, repeated)
    else:
        applied = not repeated and _of_items(visitor, click)
    visitor.order_left = min(visitor.order_left, visitor.total_spend)
    if applied:
        statements.remember(visitor, click)


def _of_known(visitor: Visitor, click: Click, known: Order, order: int, repeated: bool) -> bool:
    """A refund of an order that the record holds; returns whether it changes anything."""
    whole, amount = _is_whole(click), orders.amount_of(click)
    asked = _asked(click, known.left if whole else 0, repeated)
    if amount is not None and not asked:
        return False
    paid = min(asked, visitor.total_spend, known.left if order else visitor.total_spend)
    _pay_back(visitor, paid, known.session == visitor.sessions)
    left = known.left - min(paid, known.left)
    if paid and known.order:
        statements.mark(visitor, statements.REFUNDED, known.order)
    undo = left == 0 and (known.left > 0 or (order != 0 and whole and amount is None))
    if undo and not known.undone:
        visitor.orders = max(0, visitor.orders - 1)
    orders.put(visitor, known._replace(left=left, undone=known.undone or undo))
    return True


def _of_other(visitor: Visitor, click: Click, repeated: bool) -> bool:
    """A refund of an order that the record does not hold any more."""
    amount, bought = orders.amount_of(click), orders.not_held(visitor)[1]
    asked = _asked(click, 0, repeated)
    if amount is not None and not asked:
        return False
    _pay_back(visitor, min(asked, bought), False)
    if _is_whole(click) and not repeated and (amount is None or 0 < bought <= asked):
        visitor.orders -= 1
    return True


def _of_items(visitor: Visitor, click: Click) -> bool:
    """A return under a number of its own, of items that the visitor bought. No order is undone by it."""
    asked = orders.amount_of(click)
    if not asked or not any(has(visitor.bought, item, ITEM_BYTES) for item in items_of(click)):
        return False
    _pay_back(visitor, min(asked, visitor.total_spend), False)
    return True


def _is_whole(click: Click) -> bool:
    return click.item_id is None and not click.basket


def _asked(click: Click, left: int, repeated: bool) -> int:
    """The amount in thousandths: the value (the same one once), else that of the lines, else `left`."""
    amount = orders.amount_of(click)
    if amount is None:
        return left
    return 0 if repeated and click.value is not None else amount


def _pay_back(visitor: Visitor, amount: int, of_this_session: bool) -> None:
    visitor.total_spend -= amount
    if of_this_session:
        visitor.spend -= min(amount, visitor.spend)
    # The rest of all orders bounds the rest of this session's.
    visitor.spend = min(visitor.spend, visitor.total_spend)
