"""What a visitor does after each click, across sessions: days until a purchase and until the next session."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.durations import DAY_MS
from models.state.codes import items as item_hashes

PURCHASE: Final = EVENT_CODES["purchase"]
#: Values of the click beyond its code: amount spent by it (negative: a refund), price, rating given (NaN:
#: none), hash of the brand.
OBSERVED: Final = np.dtype([("amount", "<f4"), ("price", "<f4"), ("rating", "<f4"), ("brand", "<u4")])
#: Days until the visitor's next purchase and next session (infinite: not in this log), the rating that the
#: visitor later gives this item (NaN: none), and days until the log ends.
LOOKAHEAD: Final = np.dtype([("purchase", "<f4"), ("back", "<f4"), ("rating", "<f4"), ("left", "<f4")])


def look_ahead(
    codes: NDArray[np.void],
    observed: NDArray[np.void],
    session: NDArray[np.int64],
    ts: NDArray[np.int64],
    visitor: NDArray[np.int64],
) -> NDArray[np.void]:
    """LOOKAHEAD [N] of clicks in order of time. Call it on a whole log, before it is split."""
    lookahead = np.zeros(len(codes), dtype=LOOKAHEAD)
    order = np.argsort(visitor, kind="stable")
    grouped, times = visitor[order], ts[order]
    begins = np.diff(session[order], prepend=-1) != 0
    lookahead["purchase"][order] = _days(times, _following(grouped, codes["event"][order] == PURCHASE))
    lookahead["back"][order] = _days(times, _following(grouped, begins))
    lookahead["rating"] = _rated(codes, observed, visitor)
    lookahead["left"] = (ts.max() - ts) / DAY_MS
    return lookahead


def _following(group: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index of the next wanted row after each row of the same group, or -1; the rows of a group
    are adjacent.
    """
    count = len(group)
    there = np.append(np.where(wanted, np.arange(count), count), count)
    nearest = np.minimum.accumulate(there[::-1])[::-1][1:]
    same = group[np.minimum(nearest, count - 1)] == group
    return np.where((nearest < count) & same, nearest, -1)


def _days(times: NDArray[np.int64], then: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(then < 0, np.inf, np.maximum(times[then] - times, 0) / DAY_MS)


def _rated(
    codes: NDArray[np.void], observed: NDArray[np.void], visitor: NDArray[np.int64]
) -> NDArray[np.float32]:
    hashes = item_hashes(codes)
    _, pair = np.unique(np.stack([visitor.astype(np.uint64), hashes]), axis=1, return_inverse=True)
    order = np.argsort(pair.ravel(), kind="stable")
    given = observed["rating"][order]
    then = _following(pair.ravel()[order], ~np.isnan(given))
    ratings = np.full(len(codes), np.nan, dtype=np.float32)
    ratings[order] = np.where((then >= 0) & (hashes[order] != 0), given[then], np.nan)
    return ratings
