"""What chunks add to analytics, in short form: counts by distinct key, which a fold writes out by segment.

Most clicks of a chunk are like others of it, so counting equal ones first costs little. All counts add up,
in any order and any division into chunks.
"""

from collections import Counter
from typing import Final

import msgspec

from models.analytics.analytics_config import PANE_MS
from models.contract.events import EVENT_CODES, INTEREST, Click
from models.state.codes import RATE
from models.state.facts import Ended, Facts, Reopened, Transition
from models.state.pane_counts import weight
from models.state.visitor import Visitor

#: What an event says of its items' popularity, as for recommendations.
_WEIGHTS: Final = {EVENT_CODES[name]: weight(0, 0, 0, 1) for name in INTEREST} | {
    EVENT_CODES["add_to_cart"]: weight(0, 1, 0),
    EVENT_CODES["purchase"]: weight(0, 0, 1),
}
_SEARCH: Final = EVENT_CODES["search"]
_PURCHASE: Final = EVENT_CODES["purchase"]

#: Clicks that count alike: pane, segment, whether the visitor came before, codes of this event and of the
#: one before, whether the click began its session, whether it is the session's first of its event, and of a
#: search 1 for some results and 2 for none (0: it does not say).
ClickKey = tuple[int, str, bool, int, int, bool, bool, int]
#: Sessions that count alike: pane, segment, whether the visitor came before, event codes, whether they were
#: cut at the beginning; whether there was a purchase, a cart, a checkout.
VisitKey = tuple[int, str, bool, bytes, bool, bool, bool, bool]


class Added(msgspec.Struct, array_like=True, gc=False):
    """Counts to add. By kind of visit: how many, and the value left in their carts (thousandths).

    By pane and item or category: a weight of interest, and a number of purchases.
    """

    clicks: list[tuple[ClickKey, int]] = []
    visits: list[tuple[VisitKey, int, int]] = []
    items: list[tuple[int, str, int, int]] = []
    categories: list[tuple[int, str, int, int]] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to add."""
        return not (self.clicks or self.visits or self.items or self.categories)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[int, Added]).decode


def encode_added(folds: int, added: Added) -> bytes:
    """For the state: what a chunk adds, with the number of folds before it."""
    return _encode((folds, added))


def decode_added(value: bytes) -> tuple[int, Added]:
    """What `encode_added` was given."""
    return _decode(value)


class AddedCollector:
    """Counts clicks and sessions of one chunk: `click` and `transition`, then `added`."""

    def __init__(self) -> None:
        self._clicks: list[ClickKey] = []
        self._looks: list[tuple[int, int, str | None, str | None]] = []
        self._visits: dict[VisitKey, list[int]] = {}

    def click(self, click: Click, facts: Facts, visitor: Visitor) -> None:
        """Count an applied click; `visitor` is as the click left it."""
        event, pane = facts.event, click.ts // PANE_MS
        came, first = visitor.sessions > 1, visitor.counts[event] == 1
        results = 0 if event != _SEARCH or click.result_count is None else 1 if click.result_count else 2
        key = (pane, visitor.segment, came, event, facts.previous, facts.fresh, first, results)
        self._clicks.append(key)
        if event in _WEIGHTS and not facts.flags & RATE:
            self._looks.append((pane, event, click.item_id, click.category))
            if click.basket:
                self._looks += [(pane, event, item, None) for item in click.basket]

    def transition(self, transition: Transition) -> None:
        """Count a session's end in the pane of its last event, or take it back."""
        if not isinstance(transition, Ended | Reopened):
            return
        sign = 1 if isinstance(transition, Ended) else -1
        one = transition.visit
        ends = one.purchases > 0, one.carts > 0, one.checkouts > 0
        key = (transition.ts // PANE_MS, one.segment, one.returning, one.path, one.cut, *ends)
        counts = self._visits.setdefault(key, [0, 0])
        counts[0] += sign
        counts[1] += sign * one.cart_milli

    def added(self) -> Added:
        """What the chunk adds."""
        items: dict[tuple[int, str], list[int]] = {}
        categories: dict[tuple[int, str], list[int]] = {}
        for (pane, event, item, category), times in Counter(self._looks).items():
            weighed, bought = times * _WEIGHTS[event], times * (event == _PURCHASE)
            if item is not None:
                _add(items, (pane, item), weighed, bought)
            if category is not None:
                _add(categories, (pane, category), weighed, bought)
        return Added(
            list(Counter(self._clicks).items()),
            [(key, number, value) for key, (number, value) in self._visits.items()],
            [(pane, item, weighed, bought) for (pane, item), (weighed, bought) in items.items()],
            [(pane, name, weighed, bought) for (pane, name), (weighed, bought) in categories.items()],
        )


def _add(into: dict[tuple[int, str], list[int]], key: tuple[int, str], weighed: int, bought: int) -> None:
    counts = into.get(key)
    if counts is None:
        into[key] = [weighed, bought]
    else:
        counts[0] += weighed
        counts[1] += bought
