"""The label of the head `intent_state`: which state a session is in after each click."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.contract.head_table import STATES
from models.network import coherence
from models.state.codes import items as item_hashes
from trainer.examples.click_paths import Classes, Paths

#: Ratio of the following prices to the preceding ones at or below which a visitor looks for something
#: cheaper.
CHEAPER: Final = 0.8


def intent_state(paths: Paths) -> Classes:
    """The first state that fits: still buys, has begun to buy, has bought, is about to leave, looks for
    cheaper items, compares.
    """
    rows = paths.all.features
    leaving = paths.end - np.arange(len(paths.all)) <= 1
    fits = [paths.all.buys, coherence.order_under_way(rows), coherence.has_purchase(rows)]
    fits += [leaving, _seeks_cheaper(paths), _compares(paths)]
    names = ("ready_to_buy", "hesitating", "done", "about_to_leave", "price_sensitive", "comparing")
    state = np.select(fits, [STATES.index(name) for name in names], STATES.index("exploring"))
    return np.where(paths.over, state, -1)[:, None]


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
