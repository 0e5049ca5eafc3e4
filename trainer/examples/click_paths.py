"""Clicks grouped by session, with what follows each click in its session: what labels are computed from."""

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.state.codes import items as item_hashes
from trainer.examples.examples import GAP_DAYS, Examples

#: Number of item events after a click that show what it was interested in.
NEXT: Final = 5
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
        places = there[np.minimum(first[:, None] + np.arange(NEXT), len(there) - 1)]
        inside = places <= self.end[:, None]
        places = np.where(inside, places, 0)
        return np.where(inside & (hashes[places] != hashes[:, None]), places, -1)

    def of_next(self, values: Classes) -> Classes:
        """Values [N, NEXT] at the events of the next items; -1 for none."""
        return np.where(self.next_items < 0, -1, values[self.next_items])

    def masked(self, values: NDArray[np.generic], known: NDArray[np.bool_]) -> Floats:
        """Values as labels, masked where they are not known."""
        return np.where(known, values, np.nan).astype(np.float32)
