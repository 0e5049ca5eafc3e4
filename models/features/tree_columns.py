"""Columns for trees and naive Bayes: dense features, ranks of names, previous clicks, steps of the session.

A name (item, page, category, country) is replaced by its rank by frequency in training. A step is the page of
a page view, or the event of any other click. A shop's own pages say how far a visitor has come (basket, sign
in, payment) where its events do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.features import tree_columns_kernel
from models.features.batch import Batch
from models.features.features import NAMES
from models.state.codes import PAGE, as_words, items
from models.state.visitor import KEPT_CODES

#: Hour and weekday identify the sessions of a few weeks; trees that use them are worse on later ones.
#: The relative price is a row number until the network computes it.
LEFT_OUT = ("hour", "weekday", "price_position")
#: Columns of the feature row that trees use.
USED = np.array([not name.startswith(LEFT_OUT) for name in NAMES])
#: One-hot columns that another column has as one number.
_AS_NUMBERS = ("event=", "previous_event=", "country=", "category=")
_DENSE = np.flatnonzero([not name.startswith(LEFT_OUT + _AS_NUMBERS) for name in NAMES])
_COUNTRIES = np.flatnonzero([name.startswith("country=") for name in NAMES])
#: Kinds of names that have ranks, in the order of their columns.
KINDS = ("item", "page", "category", "country")
#: The kind of a session's steps; versions of earlier programs have none.
STEP = "step"
#: Steps that are counted: the most common ones, each in at least this share of the clicks.
MOST_STEPS, LEAST_SHARE = 32, 0.001
#: Number of previous clicks of which event and dwell are columns.
BACK = 3
#: Names of a kind with a rank of their own; all others share one.
MOST_NAMES = 250
PAGE_VIEW = EVENT_CODES["page_view"]
Columns = NDArray[np.float32]


@dataclass
class ColumnTable:
    """`ranks` number the most common names of each kind, from 0. Raises ValueError for other kinds."""

    ranks: dict[str, dict[str, int]]

    def __post_init__(self) -> None:
        if set(self.ranks) - {STEP} != set(KINDS):
            expected = f"expected 4 kinds: {', '.join(KINDS)} (and {STEP})"
            raise ValueError(f"names of {list(self.ranks)} have ranks, {expected}")
        self._steps = len(self.ranks.get(STEP, {}))
        known = [_sorted(self.ranks.get(name, {})) for name in (*KINDS, STEP)]
        names, ranks = (np.concatenate(column) for column in zip(*known, strict=True))
        self._known = names, ranks, np.cumsum([0, *(len(one) for one, _ in known)])

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(_DENSE) + len(KINDS) + 1 + self._before

    @property
    def names(self) -> list[str]:
        """A name for each column."""
        steps = sorted(self.ranks.get(STEP, {}), key=lambda step: self.ranks[STEP][step])
        return [
            *(NAMES[column] for column in _DENSE),
            *(f"rank of {kind}" for kind in KINDS),
            "event",
            *(f"{what} before {ago}" for ago in range(1, BACK + 1) for what in ("event", "dwell")),
            *(f"steps of {step}" for step in steps),
            *(f"clicks since {step}" for step in steps),
        ]

    @property
    def _before(self) -> int:
        return 2 * BACK + 2 * self._steps

    @classmethod
    def learn(cls, codes: NDArray[np.void], features: Columns, steps: bool = True) -> "ColumnTable":
        """Rank the names of N clicks by frequency, with or without those of steps."""
        ranks = {name: _ranked(names, MOST_NAMES) for name, names in _names(codes, features).items()}
        if steps:
            ranks[STEP] = _ranked(_steps(codes), MOST_STEPS, LEAST_SHARE)
        return cls(ranks)

    def __call__(self, batch: Batch) -> Columns:
        """Columns float32 `[N, C]` of a batch's clicks."""
        return self.rows(batch.codes, batch.features, self.before(batch))

    def before(self, batch: Batch) -> Columns:
        """Columns [N, P] of a batch's clicks that depend on earlier ones of their session: event and dwell of
        the previous clicks (-1: none), count and recency in clicks of each step.
        """
        codes, place, start = batch.trails
        words, steps = as_words(codes), np.empty(len(codes), dtype=np.int64)
        tree_columns_kernel.numbered(words, PAGE_VIEW, self._known, len(KINDS), steps)
        made = np.empty((len(batch), self._before), dtype=np.float32)
        tree_columns_kernel.previous(words, place, start, steps, self._steps, KEPT_CODES, BACK, made)
        return made

    def rows(self, codes: NDArray[np.void], features: Columns, before: Columns) -> Columns:
        """Columns of codes [N], features [N, F] and `before` [N, P]."""
        made = np.empty((len(codes), self.width), dtype=np.float32)
        given = as_words(codes), np.ascontiguousarray(features), before
        tree_columns_kernel.fill(*given, _DENSE, _COUNTRIES, self._known, made)
        return made


def _ranked(values: NDArray[np.uint64], most: int, least: float = 0.0) -> dict[str, int]:
    """The most frequent of N names and their ranks; of each at least the share `least` of the names."""
    found, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    chosen = found[order[counts[order] >= least * len(values)]]
    return {str(value): rank for rank, value in enumerate(chosen.tolist())}


def _steps(codes: NDArray[np.void]) -> NDArray[np.uint64]:
    """Steps [N] of codes: a page view's page, else the event."""
    seen = ((codes["flags"] & PAGE) > 0) & (codes["event"] == PAGE_VIEW)
    return np.where(seen, codes["item"], codes["event"].astype(np.uint64))


def _sorted(known: Mapping[str, int]) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Names in ascending order, and the rank of each."""
    names = np.array([int(name) for name in known], dtype=np.uint64)
    order = np.argsort(names)
    return names[order], np.array(list(known.values()), dtype=np.float32)[order]


def _names(codes: NDArray[np.void], features: Columns) -> dict[str, NDArray[np.uint64]]:
    page = np.where(items(codes) == 0, codes["item"], np.uint64(0))
    country = features[:, _COUNTRIES].argmax(1)
    found = {"item": items(codes), "page": page, "category": codes["category"], "country": country}
    return {name: values.astype(np.uint64) for name, values in found.items()}
