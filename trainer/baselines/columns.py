"""Columns for trees and naive Bayes: dense features, last events and dwells, names by how common they are."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.codes import items
from models.features import NAMES
from models.ragged import rank_in_group
from trainer.examples import Examples

#: Hour and weekday tell the sessions of a few weeks apart; with them the trees are worse on later ones.
LEFT_OUT = ("hour", "weekday")
#: Columns of the feature row that are learned from.
USED = np.array([not name.startswith(LEFT_OUT) for name in NAMES])
#: What other columns say in one number instead of one column a choice.
_AS_NUMBERS = ("event=", "previous_event=", "country=")
_DENSE = [place for place, name in enumerate(NAMES) if not name.startswith(LEFT_OUT + _AS_NUMBERS)]
_COUNTRIES = [place for place, name in enumerate(NAMES) if name.startswith("country=")]
#: Events and dwells of so many clicks before this one.
BACK = 3
#: Names that are told from one another; the rest are one.
MOST_NAMES = 250


@dataclass
class Table:
    """`ranks` number the most common names of each kind, from 0."""

    ranks: dict[str, dict[str, int]] = field(default_factory=dict)

    def fit(self, examples: Examples) -> "Table":
        """Learn which names are common."""
        for name, values in _names(examples).items():
            found, counts = np.unique(values, return_counts=True)
            order = found[np.argsort(-counts, kind="stable")][:MOST_NAMES]
            self.ranks[name] = {str(value): rank for rank, value in enumerate(order.tolist())}
        return self

    def __call__(self, examples: Examples) -> NDArray[np.float32]:
        """Columns float32 `[N, C]` of clicks grouped by session."""
        named = [self._ranked(name, values) for name, values in _names(examples).items()]
        return np.column_stack([examples.features[:, _DENSE], *named, *_past(examples)]).astype(np.float32)

    def _ranked(self, name: str, values: NDArray[np.generic]) -> NDArray[np.float64]:
        known = self.ranks[name]
        found, inverse = np.unique(values, return_inverse=True)
        ranks = np.array([known.get(str(value), len(known)) for value in found.tolist()], dtype=np.float64)
        return ranks[inverse]


def _names(examples: Examples) -> dict[str, NDArray[np.generic]]:
    codes = examples.codes
    page = np.where(items(codes) == 0, codes["item"], np.uint64(0))
    country = examples.features[:, _COUNTRIES].argmax(1)
    return {"item": items(codes), "page": page, "category": codes["category"], "country": country}


def _past(examples: Examples) -> list[NDArray[np.float64]]:
    """This event, and the events and dwells of clicks before it in the session; -1 where there were none."""
    event, dwell = (examples.codes[name].astype(np.float64) for name in ("event", "dwell"))
    rank, columns = rank_in_group(examples.session), [event]
    for back in range(1, BACK + 1):
        there = rank >= back
        columns += [np.where(there, np.roll(values, back), -1) for values in (event, dwell)]
    return columns
