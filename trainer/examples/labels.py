"""Labels of the heads of `models.contract.head_table`, from what session and visitor did after each click.

LABELS are the published and judged labels. TAUGHT are the labels for training where a head learns under a
condition (`models.network.coherence`); they are masked where the condition fails.

A label is masked (NaN, or -1 for a class) where it does not apply, and where the log ends too early to know
it, whatever the outcome. If purchases counted and missing ones did not, the end of a log would look like
success. `docs/models/heads.md` defines the labels in words.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.contract.head_table import BANDS, KNOWN_STATES, OTHER, STATES, HeadPart
from models.features.features import NAMES
from models.state.codes import category_hash
from trainer.examples.click_paths import Classes, Floats, Paths
from trainer.examples.intent_states import intent_state

_CART = NAMES.index("cart_items")


def _within(paths: Paths, days: float) -> Floats:
    """Purchase in this session, however long it lasts, or within `days`: the shorter horizon is part of the
    longer one.
    """
    known = paths.all.judged & paths.over & (paths.all.lookahead["left"] >= days)
    return paths.masked(_by(paths, days), known)


def _by(paths: Paths, days: float) -> NDArray[np.bool_]:
    return np.asarray(paths.all.buys | (paths.all.lookahead["purchase"] <= days))


def _within_not_sooner(paths: Paths, days: float, sooner: float) -> Floats:
    """The same for visitors who do not buy within the shorter horizon of `sooner` days (0: in this
    session).
    """
    return np.where(_by(paths, sooner) if sooner else paths.all.buys, np.nan, _within(paths, days))


def _churn(paths: Paths, _part: HeadPart) -> Floats:
    ahead, days = paths.all.lookahead, paths.churn_days
    return paths.masked(ahead["back"] > days, ahead["left"] >= days)


def _following(paths: Paths) -> Classes:
    """Code of the next event [N], 0 at the end of the session."""
    return np.where(paths.last, 0, np.append(paths.event[1:], 0))


def _search_next(paths: Paths, _part: HeadPart) -> Floats:
    return paths.masked(_following(paths) == EVENT_CODES["search"], ~paths.last | paths.over)


def _cart_completion(paths: Paths, _part: HeadPart) -> Floats:
    full = paths.all.features[:, _CART] > 0
    return paths.masked(paths.all.buys, full & paths.all.judged & paths.over)


def class_numbers(hashes: NDArray[np.uint32], classes: tuple[str, ...]) -> Classes:
    """Class [N] of each name's hash; `OTHER` for names without a class, -1 for no name."""
    own = np.array([category_hash(name) for name in classes[:-1]], dtype=np.uint32)
    assert classes[-1] == OTHER
    order = np.argsort(own, kind="stable")
    at = order[np.searchsorted(own[order], hashes).clip(max=max(0, len(own) - 1))] if len(own) else 0
    numbers = np.where(own[at] == hashes, at, len(own)) if len(own) else np.zeros(len(hashes), np.int64)
    return np.where(hashes == 0, -1, numbers)


def price_bands(prices: NDArray[np.float32]) -> Classes:
    """Price band [N] of each price; -1 for no price."""
    return np.where(np.isnan(prices), -1, np.searchsorted(BANDS, prices, side="right"))


def _category(paths: Paths, part: HeadPart) -> Classes:
    return paths.of_next(class_numbers(paths.all.codes["category"], part.classes))


def _brand(paths: Paths, part: HeadPart) -> Classes:
    return paths.of_next(class_numbers(paths.all.observed["brand"], part.classes))


def _price(paths: Paths, _part: HeadPart) -> Classes:
    return paths.of_next(price_bands(paths.all.observed["price"]))


def _search_category(paths: Paths, part: HeadPart) -> Classes:
    """Category of the first event with a category, from the search on."""
    classes = class_numbers(paths.all.codes["category"], part.classes)
    there = np.append(np.flatnonzero(classes >= 0), len(classes))
    first = there[np.searchsorted(there, np.arange(len(classes)), side="right").clip(max=len(there) - 1)]
    known = (_following(paths) == EVENT_CODES["search"]) & (first <= paths.end)
    return np.where(known, classes[np.where(known, first, 0)], -1)[:, None]


def _next_event(paths: Paths, part: HeadPart) -> Classes:
    following = _following(paths)
    leave = np.where(paths.over, len(part.classes) - 1, -1)
    return np.where(paths.last, leave, following - 1)[:, None]


def _not_known(paths: Paths, _part: HeadPart) -> Classes:
    """The intent state where it does not already follow from the fact that the session does not buy."""
    state = intent_state(paths)
    return np.where(np.isin(state, list(map(STATES.index, KNOWN_STATES))), -1, state)


def _next_event_if_known(paths: Paths, part: HeadPart) -> Classes:
    """The next event, where it is also known whether the session buys."""
    return np.where(np.isnan(paths.buys)[:, None], -1, _next_event(paths, part))


def _session_value(paths: Paths, _part: HeadPart) -> Floats:
    """Amount paid in the rest of the session, minus refunds in the session; at least 0."""
    spent = np.cumsum(paths.all.observed["amount"].astype(np.float64))
    return paths.masked(np.maximum(spent[paths.end] - spent, 0), paths.all.judged & paths.over)


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
    "intent_state": lambda paths, _: intent_state(paths),
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
