"""Columns for trees and naive Bayes: dense features, last events and dwells, names by how common they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.features.batch import Batch
from models.features.features import NAMES
from models.state.codes import items

#: Hour and weekday tell the sessions of a few weeks apart; with them the trees are worse on later ones.
#: A price's place is a number only once the network has looked up its category's prices.
LEFT_OUT = ("hour", "weekday", "price_position")
#: Columns of the feature row that are learned from.
USED = np.array([not name.startswith(LEFT_OUT) for name in NAMES])
#: What other columns say in one number instead of one column a choice.
_AS_NUMBERS = ("event=", "previous_event=", "country=", "category=")
_DENSE = [place for place, name in enumerate(NAMES) if not name.startswith(LEFT_OUT + _AS_NUMBERS)]
_COUNTRIES = [place for place, name in enumerate(NAMES) if name.startswith("country=")]
#: Events and dwells of so many clicks before this one.
BACK = 3
#: Names that are told from one another; the rest are one.
MOST_NAMES = 250
Columns = NDArray[np.float32]


@dataclass
class ColumnTable:
    """`ranks` number the most common names of each kind, from 0."""

    ranks: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sorted = {name: _sorted(known) for name, known in self.ranks.items()}

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(_DENSE) + len(self.ranks) + 1 + 2 * BACK

    @classmethod
    def learn(cls, codes: NDArray[np.void], features: Columns) -> "ColumnTable":
        """Learn which names of N clicks are common."""
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
        """The same of codes [N], features [N, F] and `previous_clicks` [N, P]."""
        named = [self._ranked(name, values) for name, values in _names(codes, features).items()]
        event = codes["event"].astype(np.float32)
        return np.column_stack([features[:, _DENSE], *named, event, before]).astype(np.float32)

    def _ranked(self, name: str, values: NDArray[np.uint64]) -> NDArray[np.float32]:
        """The names' ranks; one more than the last for those that are not common."""
        known, ranks = self._sorted[name]
        if not len(known):
            return np.zeros(len(values), dtype=np.float32)
        place = np.minimum(np.searchsorted(known, values), len(known) - 1)
        return np.where(known[place] == values, ranks[place], len(known)).astype(np.float32)


def previous_clicks(batch: Batch) -> Columns:
    """Events and dwells [N, P] of the clicks before each in its session; -1 where there were none."""
    codes, place, start = batch.trails
    columns = []
    for back in range(1, BACK + 1):
        there = place - back >= start
        at = np.where(there, place - back, 0)
        columns += [np.where(there, codes[name][at].astype(np.float32), -1) for name in ("event", "dwell")]
    return np.column_stack(columns).astype(np.float32)


def _sorted(known: Mapping[str, int]) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Names in order, and the rank of each."""
    names = np.array([int(name) for name in known], dtype=np.uint64)
    order = np.argsort(names)
    return names[order], np.array(list(known.values()), dtype=np.float32)[order]


def _names(codes: NDArray[np.void], features: Columns) -> dict[str, NDArray[np.uint64]]:
    page = np.where(items(codes) == 0, codes["item"], np.uint64(0))
    country = features[:, _COUNTRIES].argmax(1)
    found = {"item": items(codes), "page": page, "category": codes["category"], "country": country}
    return {name: values.astype(np.uint64) for name, values in found.items()}
