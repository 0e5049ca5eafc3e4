"""Clicks with their labels: the arrays that training and evaluation read."""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.durations import DAY_MS
from models.errors import PathcastError
from models.features.batch import Batch
from models.state.codes import items as item_hashes
from models.state.segments import rank_in_group

PURCHASE = EVENT_CODES["purchase"]
#: A session whose last click is less than this before the end of the log may not be over (days).
GAP_DAYS: Final = 30 / 1440


class ExamplesError(PathcastError):
    """A log has too little to train or judge on."""


@dataclass(frozen=True)
class Examples:
    """N clicks in the order of the log, with labels.

    `codes` CODE [N]; `features` float32 [N, F]; `session` int64 [N], numbered from 0 by first click;
    `position` int32 [N] in the session; `ts` int64 [N], epoch ms; `visitor` int64 [N], numbered from 0.

    Labels: `buys` bool [N], whether a purchase follows in the session (at a purchase: another order);
    `target` uint64 [N], the hash of the next event's item, 0 if it has none or the same item.

    `items` are ids by hash. `observed` [N] and `lookahead` [N] are records described in
    `trainer.examples.lookahead`. `names` are categories and brands by their 32-bit hashes.
    """

    codes: NDArray[np.void]
    features: NDArray[np.float32]
    session: NDArray[np.int64]
    position: NDArray[np.int32]
    ts: NDArray[np.int64]
    visitor: NDArray[np.int64]
    buys: NDArray[np.bool_]
    target: NDArray[np.uint64]
    items: dict[int, str]
    observed: NDArray[np.void]
    lookahead: NDArray[np.void]
    names: dict[int, str]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Clicks whose purchase intent counts: all except purchases."""
        return np.asarray(self.codes["event"] != PURCHASE)

    @property
    def over(self) -> NDArray[np.bool_]:
        """Clicks [N] of sessions that were over when the log ended: no click for GAP_DAYS before.

        All of a log whose times are days, which do not say when a session ended.
        """
        if len(np.unique(self.ts % DAY_MS)) == 1:
            return np.ones(len(self), dtype=bool)
        _, inverse = np.unique(self.session, return_inverse=True)
        left = np.full(inverse.max(initial=-1) + 1, np.inf)
        np.minimum.at(left, inverse, self.lookahead["left"])
        return np.asarray((left >= GAP_DAYS)[inverse])

    @property
    def began(self) -> NDArray[np.int64]:
        """Start of each click's session [N], epoch ms."""
        _, first, inverse = np.unique(self.session, return_index=True, return_inverse=True)
        return np.asarray(self.ts[first][inverse])

    def part(self, chosen: NDArray[np.generic]) -> "Examples":
        """The clicks of a mask or of indices; choose whole sessions."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: values[chosen] for name, values in columns.items() if isinstance(values, np.ndarray)}
        return replace(self, **arrays)

    def grouped(self) -> "Examples":
        """The same clicks ordered by session, each session in order of time."""
        order = np.argsort(self.session, kind="stable")
        return self.part(order)

    def batch(self) -> Batch:
        """The clicks as one chunk in which every session is a visitor's first."""
        slots, slot = np.unique(self.session, return_inverse=True)
        count = len(slots)
        return Batch(
            codes=self.codes,
            slot=slot.astype(np.int32),
            fresh=self.position == 1,
            position=self.position,
            features=self.features,
            hidden=[b""] * count,
            hidden_model=[0] * count,
            hidden_at=[0] * count,
            clicks=[0] * count,
            history=[b""] * count,
        )


def labelled(
    codes: NDArray[np.void], session: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
    """`buys` and `target` of clicks in order of time.

    Consecutive purchases are the lines of one order: at each of them `buys` says whether another order
    follows.
    """
    order = np.argsort(session, kind="stable")
    grouped, events, items = session[order], codes["event"][order], item_hashes(codes)[order]
    last = np.diff(grouped, append=-1) != 0
    bought = np.cumsum(events == PURCHASE)
    # Purchases up to the end of the session, minus those up to this click.
    ends = np.flatnonzero(last)
    session_end = np.repeat(ends, np.diff(ends, prepend=-1))
    following = np.where(last, 0, np.append(items[1:], np.uint64(0)))
    buys, target = np.empty(len(codes), dtype=bool), np.empty(len(codes), dtype=np.uint64)
    buys[order] = bought[session_end] > bought[_order_ends(events, last)]
    target[order] = np.where(following == items, 0, following)
    return buys, target


def _order_ends(events: NDArray[np.uint8], last: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each click of grouped sessions the index of the last line of its order; its own index if it is no
    purchase.
    """
    purchase = events == PURCHASE
    goes_on = purchase & np.append(purchase[1:], False) & ~last
    ends = np.flatnonzero(~goes_on)
    return ends[np.searchsorted(ends, np.arange(len(events)))]


def segments(session: NDArray[np.int64], longest: int) -> NDArray[np.int64]:
    """Segment number of each click of grouped sessions; a segment has at most `longest` clicks."""
    rank = rank_in_group(session)
    return np.cumsum(rank % longest == 0) - 1
