"""The further items of an event, side by side; and returns and cancelled orders, in whatever form.

These become events of their own, with amounts of at least 0. An order is a return where its value is
negative, all of its items have a negative quantity or price, or its status says so. It becomes a `refund`; an
item taken out of a cart becomes `remove_from_cart`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any, Final, NamedTuple

from models.contract.events import BASKET_ITEMS, CLIPPED, FILLED, Click
from models.contract.values import Unreadable, identifier, number
from models.forms.names import collapse

#: The fields that are aligned with `basket`.
ALIGNED = ("basket_prices", "basket_quantities")
_OPPOSITE: Final[Mapping[str, str]] = {
    "purchase": "refund",
    "refund": "refund",
    "add_to_cart": "remove_from_cart",
    "remove_from_cart": "remove_from_cart",
}
#: Words for the status of an order that was not kept, as `collapse` gives them.
_UNDONE: Final = frozenset(
    ("cancelled", "canceled", "refunded", "returned", "voided", "reversed", "chargeback", "cancellation")
)
_ITEM: Final = ("price", "quantity")
#: Fields of the event's own item.
_ABOUT: Final = frozenset({"item_id", *_ITEM, "category", "brand"})


class Line(NamedTuple):
    """One item of an event; the price of a piece and the pieces are None where nobody gave them."""

    item_id: str
    price: float | None
    quantity: int | None


def further(click: Click) -> Iterator[Line]:
    """The lines of a click's basket, in order; none without a basket."""
    if not click.basket:
        return iter(())
    prices: Iterable[float | None] = click.basket_prices or repeat(None)
    quantities: Iterable[int | None] = click.basket_quantities or repeat(None)
    return map(Line, click.basket, prices, quantities)


def worth(click: Click) -> float | None:
    """What an event comes to: its value, else price times pieces, summed over its items.

    None where it has neither a value nor a price. Missing or 0 pieces are one.
    """
    if click.value is not None:
        return click.value
    lines = [Line("", click.price, click.quantity), *further(click)]
    priced = [line.price * (line.quantity or 1) for line in lines if line.price is not None]
    return sum(priced) if priced else None


def unpriced(click: Click) -> bool:
    """Whether an event names an item without a price."""
    own = click.item_id is not None and click.price is None
    return own or any(line.price is None for line in further(click))


def uneven(click: Click) -> bool:
    """Whether prices or quantities are not one for each item of the basket."""
    items, lists = len(click.basket or ()), (click.basket_prices, click.basket_quantities)
    return any(values is not None and len(values) != items for values in lists)


def align(found: dict[str, Any]) -> dict[str, Any]:
    """Fields as sent, with prices and quantities only of those items of the basket that can be read.

    Missing ones become None. Without a readable basket they cannot be read either.
    """
    basket = found.get("basket")
    sent = [name for name in ALIGNED if isinstance(found.get(name), list)]
    if not sent or not isinstance(basket, list):
        # Prices of no item: no reader takes a text.
        return found | dict.fromkeys(sent, "without a basket")
    kept = [at for at, item_id in enumerate(basket[:BASKET_ITEMS]) if _readable(item_id)]
    return found | {name: _picked(found[name], kept) for name in sent}


def _readable(value: Any) -> bool:
    try:
        identifier(value)
    except Unreadable:
        return False
    return True


def _picked(values: list[Any], kept: list[int]) -> list[Any]:
    return [values[at] if at < len(values) else None for at in kept]


def fill(click: Click, price_of: Callable[[str], float | None]) -> None:
    """Set missing prices of the basket to those of `price_of` an item id (the catalogue's)."""
    lines = list(further(click))
    prices = tuple(price_of(line.item_id) if line.price is None else line.price for line in lines)
    if prices != (click.basket_prices or (None,) * len(lines)):
        click.basket_prices = prices
        click.flags |= FILLED["basket_prices"]


def bound(click: Click, watch: float, price_limit: Callable[[str], float], quantity_max: int) -> None:
    """Clip the basket's quantities, and its prices where one is above `watch`, each by its item's limit."""
    prices, quantities = click.basket_prices, click.basket_quantities
    if prices and max(price or 0 for price in prices) > watch:
        limits = map(price_limit, click.basket or ())
        _clip(click, "basket_prices", prices, limits)
    if quantities and max(quantity or 0 for quantity in quantities) > quantity_max:
        _clip(click, "basket_quantities", quantities, repeat(quantity_max))


def _clip(click: Click, name: str, values: Iterable[float | None], limits: Iterable[float]) -> None:
    clipped = tuple(
        None if value is None else min(value, most) for value, most in zip(values, limits, strict=False)
    )
    if clipped != values:
        setattr(click, name, clipped)
        click.flags |= CLIPPED[name]


def turned(found: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event as sent; those of a return with its own event and without signs.

    `status` is left out. Items that an order returns beside others that it buys are left out, too.
    """
    status, event = found.pop("status", None), found.get("event")
    if not isinstance(event, str) or event not in _OPPOSITE:
        return found
    lines = _lines(found)
    back = [any(_negative(value) for value in line) for line in lines]
    undone = isinstance(status, str) and collapse(status[:64]) in _UNDONE
    if _negative(found.get("value")) or undone or (back and all(back)):
        return _unsigned(found) | {"event": _OPPOSITE[event]}
    return _kept(found, back) if any(back) else found


def _lines(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Price and quantity of the event's own item, then of those of its basket."""
    basket = found.get("basket")
    further = [_column(found, name, len(basket)) for name in ALIGNED] if isinstance(basket, list) else []
    own = tuple(found.get(name) for name in _ITEM)
    return [own, *zip(*further, strict=True)]


def _column(found: dict[str, Any], name: str, items: int) -> list[Any]:
    values = found.get(name)
    sent = values[:items] if isinstance(values, list) else []
    return sent + [None] * (items - len(sent))


def _negative(value: Any) -> bool:
    try:
        return number(value) < 0
    except Unreadable:
        return False


def _unsigned(found: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: _size(found[name]) for name in ("value", *_ITEM) if name in found}
    lists = {name: [_size(value) for value in found[name]] for name in ALIGNED if _is_list(found, name)}
    return found | amounts | lists


def _is_list(found: dict[str, Any], name: str) -> bool:
    return isinstance(found.get(name), list)


def _size(value: Any) -> Any:
    return abs(number(value)) if _negative(value) else value


def _kept(found: dict[str, Any], back: list[bool]) -> dict[str, Any]:
    """An order without the items that it returns; one of the others takes the place of the event's own."""
    basket = found["basket"]
    columns = {"basket": basket, **{name: _column(found, name, len(basket)) for name in ALIGNED}}
    # An id that is none: it is left out, and flagged, where the basket is read.
    columns["basket"] = [None if gone else item for item, gone in zip(basket, back[1:], strict=True)]
    if not back[0]:
        return found | columns
    own = next(at for at, gone in enumerate(back[1:]) if not gone)
    names = dict(zip(columns, ("item_id", *_ITEM), strict=True))
    taken = {names[name]: values[own] for name, values in columns.items()}
    others = {name: [*values[:own], *values[own + 1 :], None] for name, values in columns.items()}
    left = {name: value for name, value in found.items() if name not in _ABOUT}
    return left | others | {name: value for name, value in taken.items() if value is not None}
