"""What a `refund` takes back: of the money at most what was bought, of the orders each at most once."""

from models.contract.events import Click
from models.state import cart
from models.state.visitor import Visitor


def take_back(visitor: Visitor, click: Click, order: int) -> None:
    """Applies a refund to spend and orders; `order` is the hash of its transaction, 0 for none.

    The visitor knows what is left of the latest order only: a refund that names another transaction is held
    against all other orders together.
    """
    latest, repeated = order in (0, visitor.last_order), order != 0 and order == visitor.last_refund
    others = visitor.orders - (not visitor.order_undone)
    if visitor.orders + visitor.total_spend == 0 or not (latest or others > 0):
        return
    whole = click.item_id is None and not click.basket
    left = visitor.order_left
    bought = visitor.total_spend if order == 0 else left if latest else visitor.total_spend - left
    amount = min(bought, _asked(click, left if latest and whole else 0, repeated))
    _pay_back(visitor, amount, latest)
    unpriced = click.value is None and click.price is None
    emptied = latest and visitor.order_left == 0 and (left > 0 or (order != 0 and whole and unpriced))
    if emptied and not visitor.order_undone:
        visitor.order_undone = True
        visitor.orders = max(0, visitor.orders - 1)
    elif not latest and whole and not repeated:
        visitor.orders -= 1
    visitor.last_refund = order or visitor.last_refund


def _asked(click: Click, left: int, repeated: bool) -> int:
    """The amount in thousandths: the value (once a transaction), else price times quantity, else `left`."""
    if click.value is not None:
        return 0 if repeated else cart.thousandths(click.value)
    return left if click.price is None else cart.thousandths(click.price * (click.quantity or 1))


def _pay_back(visitor: Visitor, amount: int, latest: bool) -> None:
    visitor.total_spend -= amount
    if latest:
        visitor.order_left -= min(amount, visitor.order_left)
        if visitor.purchase_ts >= visitor.start_ts:
            visitor.spend -= min(amount, visitor.spend)
    # What is left in all bounds what is left of this session's.
    visitor.spend = min(visitor.spend, visitor.total_spend)
