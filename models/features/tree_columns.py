"""Columns for trees and naive Bayes: dense features, previous events and dwells, and ranks of names.

A name (item, page, category, country) is replaced by its rank by frequency in training.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features import tree_columns_kernel
from models.features.batch import Batch
from models.features.features import NAMES
from models.state.codes import as_words, items

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
#: Number of previous clicks of which event and dwell are columns.
BACK = 3
#: Names of a kind with a rank of their own; all others share one.
MOST_NAMES = 250
Columns = NDArray[np.float32]


@dataclass
class ColumnTable:
    """`ranks` number the most common names of each kind, from 0. Raises ValueError for other kinds."""

    ranks: dict[str, dict[str, int]]

    def __post_init__(self) -> None:
        if set(self.ranks) != set(KINDS):
            raise ValueError(f"names of {list(self.ranks)} have ranks, expected 4 kinds: {', '.join(KINDS)}")
        known = [_sorted(self.ranks[name]) for name in KINDS]
        names, ranks = (np.concatenate(column) for column in zip(*known, strict=True))
        self._known = names, ranks, np.cumsum([0, *(len(one) for one, _ in known)])

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(_DENSE) + len(self.ranks) + 1 + 2 * BACK

    @classmethod
    def learn(cls, codes: NDArray[np.void], features: Columns) -> "ColumnTable":
        """Rank the names of N clicks by frequency."""
        ranks = {}
        for name, values in _names(codes, features).items():
            found, counts = np.unique(values, return_counts=True)
            order = found[np.argsort(-counts, kind="stable")][:MOST_NAMES]
            ranks[name] = {str(value): rank for rank, value in enumerate(order.tolist())}
        return cls(ranks)

    def __call__(self, batch: Batch) -> Columns:
        """Columns float32 `[N, C]` of a batch's clicks."""
        return self.rows(batch.codes, batch.features, previous_clicks(batch))

    def rows(self, codes: NDArray[np.void], features: Columns, before: Columns) -> Columns:
        """Columns of codes [N], features [N, F] and `previous_clicks` [N, P]."""
        made = np.empty((len(codes), self.width), dtype=np.float32)
        given = as_words(codes), np.ascontiguousarray(features), before
        tree_columns_kernel.fill(*given, _DENSE, _COUNTRIES, self._known, made)
        return made


def previous_clicks(batch: Batch) -> Columns:
    """Events and dwells [N, P] of the previous clicks of each click's session; -1 where there are none."""
    codes, place, start = batch.trails
    made = np.empty((len(batch), 2 * BACK), dtype=np.float32)
    tree_columns_kernel.previous(as_words(codes), place, start, made)
    return made


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
