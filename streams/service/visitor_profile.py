"""The record of a visitor for people: names instead of hashes, counts by event, and amounts."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from models.contract.catalogue import Catalogue
from models.contract.events import EVENTS
from models.contract.head_table import CATEGORIES, OTHER
from models.explanation.synthetic_clicks import middle_price
from models.registry.versions import Version
from models.state import cart
from models.state.codes import category_hash, item_hash
from models.state.visitor import Visitor
from streams.partition_state.cache import describe

#: Before the hash of a category whose name neither the version nor the catalogue has.
UNNAMED_CATEGORY: Final = "unnamed category "


class Names:
    """Names by hash for one record: from the version in use, else from the catalogue.

    The catalogue is searched only for hashes that the version does not name. A hash that neither names is
    shown as unnamed.
    """

    def __init__(self, visitor: Visitor, catalogue: Catalogue, version: Version | None) -> None:
        own = {category_hash(name): name for name in _classes(version)}
        if visitor.categories.keys() - own.keys():
            own |= _sold(catalogue)
        self._categories = own
        carted = {item for item, *_ in _lines(visitor)}
        self._items = _vocabulary_names(carted, version)
        if carted - self._items.keys():
            self._items |= {number: item for item in catalogue if (number := item_hash(item)) in carted}

    def category(self, number: int) -> str:
        """The name of a category, or a text that says that it is unnamed."""
        return self._categories.get(number, f"{UNNAMED_CATEGORY}{number:08x}")

    def item(self, number: int) -> str:
        """The id of an item, or a text that says that it is unnamed."""
        return self._items.get(number, f"unnamed item {number:016x}")


def _classes(version: Version | None) -> Iterable[str]:
    """The category names of a version's heads."""
    layout = version.neural.layout if version else None
    for part in layout.parts if layout else ():
        if part.head.classes == CATEGORIES:
            yield from (name for name in part.classes if name != OTHER)


def _sold(catalogue: Catalogue) -> dict[int, str]:
    """Names of the catalogue's categories by hash."""
    names = {catalogue[item].category for item in catalogue}
    return {category_hash(name): name for name in names if name}


def _vocabulary_names(hashes: Iterable[int], version: Version | None) -> dict[int, str]:
    if version is None:
        return {}
    wanted = list(hashes)
    indices = version.vocabulary.lookup(np.array(wanted, dtype=np.uint64)).tolist()
    return {number: version.vocabulary.ids[at] for number, at in zip(wanted, indices, strict=True) if at >= 0}


def _lines(visitor: Visitor) -> Iterator[tuple[int, int, int]]:
    """Item hash, pieces and unit price (thousandths) of each line of the cart."""
    for item, pieces, price in cart.lines(visitor.cart):
        yield int.from_bytes(item, "little"), pieces, price


def visitor_profile(visitor: Visitor, names: Names) -> dict[str, Any]:
    """The profile of a visitor, in names and currency units; shares add up to 1."""
    return {
        "sessions": visitor.sessions,
        "orders": visitor.orders,
        "spent": visitor.total_spend / 1000,
        "this_session": _counts(visitor.counts) | {"spent": visitor.spend / 1000},
        "earlier_sessions": _counts(visitor.totals),
        "cart": _cart(visitor, names),
        "cart_value": visitor.cart_value / 1000,
        "interests": _interests(visitor.categories, names),
        "usual_price": _usual_price(visitor),
    }


def visitor_state(visitor: Visitor, names: Names) -> Any:
    """The whole record, with the names of its categories."""
    told = describe(visitor)
    told["categories"] = {names.category(key): weight for key, weight in visitor.categories.items()}
    return told


def _counts(counts: list[int]) -> dict[str, Any]:
    return {event: times for event, times in zip(EVENTS, counts[1:], strict=True) if times}


def _cart(visitor: Visitor, names: Names) -> list[dict[str, Any]]:
    return [
        {"item_id": names.item(item), "pieces": pieces, "price": price / 1000}
        for item, pieces, price in _lines(visitor)
    ]


def _interests(categories: Mapping[int, int], names: Names) -> dict[str, float]:
    """Shares of the long-term interest, the strongest first."""
    total = sum(categories.values())
    ordered = sorted(categories.items(), key=lambda known: -known[1])
    return {names.category(key): round(weight / total, 3) for key, weight in ordered if total}


def _usual_price(visitor: Visitor) -> float | None:
    """The approximate price of the items that the visitor looks at; prices are kept in buckets."""
    return middle_price(round(visitor.price_sum / visitor.price_weight)) if visitor.price_weight else None
