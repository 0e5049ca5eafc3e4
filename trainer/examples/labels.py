"""Labels of the heads of `models.contract.head_table`, from what session and visitor did after each click.

LABELS are the published and judged labels. TAUGHT are the labels for training where a head learns under a
condition (`models.network.coherence`); they are masked where the condition fails.

A label is masked (NaN, or -1 for a class) where it does not apply, and where the log ends too early to know
it, whatever the outcome. If purchases counted and missing ones did not, the end of a log would look like
success. `docs/models/heads.md` defines the labels in words.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.contract.head_table import BANDS, KNOWN_STATES, OTHER, STATES, HeadPart
from models.features.features import NAMES
from models.network import coherence
from models.state.codes import category_hash
from models.state.codes import items as item_hashes
from trainer.examples.examples import Examples

#: Number of item events after a click that show what it was interested in.
NEXT: Final = 5
#: A session whose last click is less than this before the end of the log may not be over (days).
GAP_DAYS: Final = 30 / 1440
#: Ratio of the following prices to the preceding ones at or below which a visitor looks for something
#: cheaper.
CHEAPER: Final = 0.8
_CART = NAMES.index("cart_items")
Floats = NDArray[np.float32]
Classes = NDArray[np.int64]


class Paths:
    """Examples grouped by session, with what follows each click in its session."""

    def __init__(self, grouped: Examples, churn_days: float) -> None:
        self.all, self.churn_days = grouped, churn_days
        self.event = grouped.codes["event"].astype(np.int64)
        ends = np.flatnonzero(np.diff(grouped.session, append=-1))
        #: Index of the last click of each click's session.
        self.end = np.repeat(ends, np.diff(ends, prepend=-1))
        self.last = np.arange(len(grouped)) == self.end
        #: Whether the session was over before the log ended.
        self.over = grouped.lookahead["left"][self.end] >= GAP_DAYS
        #: Whether the session still buys: 1, 0, or NaN if unknown.
        self.buys = np.where(grouped.buys | self.over, grouped.buys, np.nan).astype(np.float32)

    @cached_property
    def next_items(self) -> Classes:
        """Indices [N, NEXT] of the next events in the session that name another item; -1 for none."""
        hashes = item_hashes(self.all.codes)
        there = np.append(np.flatnonzero(hashes), len(hashes))
        first = np.searchsorted(there, np.arange(len(hashes)), side="right")
        found = there[np.minimum(first[:, None] + np.arange(NEXT), len(there) - 1)]
        inside = found <= self.end[:, None]
        found = np.where(inside, found, 0)
        return np.where(inside & (hashes[found] != hashes[:, None]), found, -1)

    def of_next(self, values: Classes) -> Classes:
        """Values [N, NEXT] at the events of the next items; -1 for none."""
        return np.where(self.next_items < 0, -1, values[self.next_items])

    def told(self, values: NDArray[np.generic], known: NDArray[np.bool_]) -> Floats:
        """Values as labels, masked where they are not known."""
        return np.where(known, values, np.nan).astype(np.float32)


def _within(paths: Paths, days: float) -> Floats:
    """Purchase in this session, however long it lasts, or within `days`: the shorter horizon is part of the
    longer one.
    """
    known = paths.all.judged & paths.over & (paths.all.lookahead["left"] >= days)
    return paths.told(_by(paths, days), known)


def _by(paths: Paths, days: float) -> NDArray[np.bool_]:
    return np.asarray(paths.all.buys | (paths.all.lookahead["purchase"] <= days))


def _within_not_sooner(paths: Paths, days: float, sooner: float) -> Floats:
    """The same for visitors who do not buy within the shorter horizon of `sooner` days (0: in this
    session).
    """
    return np.where(_by(paths, sooner) if sooner else paths.all.buys, np.nan, _within(paths, days))


def _churn(paths: Paths, _part: HeadPart) -> Floats:
    ahead, days = paths.all.lookahead, paths.churn_days
    return paths.told(ahead["back"] > days, ahead["left"] >= days)


def _following(paths: Paths) -> Classes:
    """Code of the next event [N], 0 at the end of the session."""
    return np.where(paths.last, 0, np.append(paths.event[1:], 0))


def _search_next(paths: Paths, _part: HeadPart) -> Floats:
    return paths.told(_following(paths) == EVENT_CODES["search"], ~paths.last | paths.over)


def _cart_completion(paths: Paths, _part: HeadPart) -> Floats:
    full = paths.all.features[:, _CART] > 0
    return paths.told(paths.all.buys, full & paths.all.judged & paths.over)


def named(hashes: NDArray[np.uint32], classes: tuple[str, ...]) -> Classes:
    """Class [N] of each name's hash; `OTHER` for names without a class, -1 for no name."""
    own = np.array([category_hash(name) for name in classes[:-1]], dtype=np.uint32)
    assert classes[-1] == OTHER
    order = np.argsort(own, kind="stable")
    at = order[np.searchsorted(own[order], hashes).clip(max=max(0, len(own) - 1))] if len(own) else 0
    found = np.where(own[at] == hashes, at, len(own)) if len(own) else np.zeros(len(hashes), np.int64)
    return np.where(hashes == 0, -1, found)


def price_bands(prices: NDArray[np.float32]) -> Classes:
    """Price band [N] of each price; -1 for no price."""
    return np.where(np.isnan(prices), -1, np.searchsorted(BANDS, prices, side="right"))


def _category(paths: Paths, part: HeadPart) -> Classes:
    return paths.of_next(named(paths.all.codes["category"], part.classes))


def _brand(paths: Paths, part: HeadPart) -> Classes:
    return paths.of_next(named(paths.all.observed["brand"], part.classes))


def _price(paths: Paths, _part: HeadPart) -> Classes:
    return paths.of_next(price_bands(paths.all.observed["price"]))


def _search_category(paths: Paths, part: HeadPart) -> Classes:
    """Category of the first event with a category, from the search on."""
    classes = named(paths.all.codes["category"], part.classes)
    there = np.append(np.flatnonzero(classes >= 0), len(classes))
    first = there[np.searchsorted(there, np.arange(len(classes)), side="right").clip(max=len(there) - 1)]
    known = (_following(paths) == EVENT_CODES["search"]) & (first <= paths.end)
    return np.where(known, classes[np.where(known, first, 0)], -1)[:, None]


def _next_event(paths: Paths, part: HeadPart) -> Classes:
    following = _following(paths)
    leave = np.where(paths.over, len(part.classes) - 1, -1)
    return np.where(paths.last, leave, following - 1)[:, None]


def _intent_state(paths: Paths, _part: HeadPart) -> Classes:
    """The first state that fits: still buys, has begun to buy, has bought, is about to leave, looks for
    cheaper items, compares.
    """
    rows = paths.all.features
    leaving = paths.end - np.arange(len(paths.all)) <= 1
    fits = [paths.all.buys, coherence.begun(rows), coherence.bought(rows)]
    fits += [leaving, _seeks_cheaper(paths), _compares(paths)]
    names = ("ready_to_buy", "hesitating", "done", "about_to_leave", "price_sensitive", "comparing")
    state = np.select(fits, [STATES.index(name) for name in names], STATES.index("exploring"))
    return np.where(paths.over, state, -1)[:, None]


def _not_known(paths: Paths, part: HeadPart) -> Classes:
    """The intent state where it does not already follow from the fact that the session does not buy."""
    state = _intent_state(paths, part)
    return np.where(np.isin(state, list(map(STATES.index, KNOWN_STATES))), -1, state)


def _next_event_if_known(paths: Paths, part: HeadPart) -> Classes:
    """The next event, where it is also known whether the session buys."""
    return np.where(np.isnan(paths.buys)[:, None], -1, _next_event(paths, part))


def _seeks_cheaper(paths: Paths) -> NDArray[np.bool_]:
    """A promotion is still to be selected, or the next items are much cheaper than the earlier ones (two of
    each).
    """
    promotions = np.cumsum(paths.event == EVENT_CODES["select_promotion"])
    prices, rows = paths.all.observed["price"], paths.next_items
    priced = (rows >= 0) & ~np.isnan(prices[rows])
    after = np.where(priced, prices[rows], 0).sum(1) / np.maximum(priced.sum(1), 1)
    before, count = _mean_so_far(paths, prices)
    cheaper = (count >= 2) & (priced.sum(1) >= 2) & (after <= CHEAPER * before)
    return np.asarray((promotions[paths.end] > promotions) | cheaper)


def _mean_so_far(paths: Paths, prices: NDArray[np.float32]) -> tuple[NDArray[np.float64], Classes]:
    there = ~np.isnan(prices)
    first = np.append(0, np.flatnonzero(paths.last)[:-1] + 1)
    starts = np.repeat(first, np.diff(np.append(first, len(prices))))
    sums = np.append(0, np.cumsum(np.where(there, prices, 0).astype(np.float64)))
    counts = np.append(0, np.cumsum(there))
    here = np.arange(1, len(prices) + 1)
    count = counts[here] - counts[starts]
    return (sums[here] - sums[starts]) / np.maximum(count, 1), count


def _compares(paths: Paths) -> NDArray[np.bool_]:
    """Of the next items at least three differ, and at least three share the category of the first."""
    rows, codes = paths.next_items, paths.all.codes
    items = np.sort(np.where(rows < 0, np.uint64(0), item_hashes(codes)[rows]), 1)
    distinct = ((np.diff(items, axis=1, prepend=np.uint64(0)) != 0) & (items != 0)).sum(1)
    category = np.where(rows < 0, np.uint32(0), codes["category"][rows])
    first = category[np.arange(len(rows)), (category != 0).argmax(1)]
    alike = ((category == first[:, None]) & (category != 0)).sum(1)
    return np.asarray((distinct >= 3) & (alike >= 3))


def _session_value(paths: Paths, _part: HeadPart) -> Floats:
    """Amount paid in the rest of the session, minus refunds in the session; at least 0."""
    spent = np.cumsum(paths.all.observed["amount"].astype(np.float64))
    return paths.told(np.maximum(spent[paths.end] - spent, 0), paths.all.judged & paths.over)


def _amount(paths: Paths, part: HeadPart) -> Floats:
    """The session value of sessions that buy."""
    return np.where(paths.all.buys, _session_value(paths, part), np.nan).astype(np.float32)


def _rating(paths: Paths, _part: HeadPart) -> Floats:
    return np.asarray(paths.all.lookahead["rating"])


#: Labels by head: floats [N] (NaN: masked); for distributions classes [N, J] (-1: masked), each with the same
#: weight.
LABELS: Final[dict[str, Callable[[Paths, HeadPart], Floats | Classes]]] = {
    "purchase_24h": lambda paths, _: _within(paths, 1),
    "purchase_7d": lambda paths, _: _within(paths, 7),
    "search_next": _search_next,
    "churn": _churn,
    "cart_completion": _cart_completion,
    "interest_category": _category,
    "interest_brand": _brand,
    "interest_price": _price,
    "search_category": _search_category,
    "next_event": _next_event,
    "intent_state": _intent_state,
    "session_value": _session_value,
    "rating": _rating,
}

#: Training labels of heads that learn under a condition; `models.network.coherence` undoes the condition.
TAUGHT: Final = LABELS | {
    "purchase_24h": lambda paths, _: _within_not_sooner(paths, 1, 0),
    "purchase_7d": lambda paths, _: _within_not_sooner(paths, 7, 1),
    "next_event": _next_event_if_known,
    "intent_state": _not_known,
    "session_value": _amount,
}
