"""Learns the trees of further heads (`models.scoring.head_forests`) on the training clicks."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import lightgbm
import numpy as np
import torch
from numpy.typing import NDArray

from models.contract.head_table import LEAVE, HeadPart, Kind, Layout
from models.features.tree_columns import Columns, ColumnTable
from trainer.examples.click_paths import Paths
from trainer.examples.examples import Examples
from trainer.examples.labels import TAUGHT
from trainer.fitting.boosting import SHARED
from trainer.loop.targets import HeadPlan

Labels = NDArray[np.float32]
State = dict[str, Any]
#: Shallow trees: what distinguishes long sessions from each other is not remembered.
TREES: Final = SHARED | {
    "num_leaves": 12,
    "learning_rate": 0.1,
    "feature_fraction": 0.25,
    "bagging_fraction": 0.6,
}
#: Trees of a yes-or-no head, and of each class of a distribution.
ROUNDS: Final = 100
CLASS_ROUNDS: Final = 50
#: For yes-or-no heads clicks are kept with the probability 1 / (clicks of the session) ** EXPONENT; for all
#: heads at most so many.
EXPONENT: Final = 0.5
MOST: Final = 200_000
#: Least rows of a leaf, as a share of all rows and in number.
LEAF_SHARE, LEAF_ROWS = 1 / 200, (20, 500)
#: With fewer clicks of either kind nothing is learned.
LEAST: Final = 50


class HeadLessons:
    """Sampled clicks of a log with their columns; each head learns on those with a label.

    Yes-or-no heads learn from sessions that weigh alike, and distributions from clicks that do: their classes
    have no shifts of calibration, by which the shares of events in long sessions would come back.
    """

    def __init__(self, table: ColumnTable, grouped: Examples, planned: HeadPlan) -> None:
        self._grouped, self._layout = grouped, Layout.of(planned.tasks)
        self._paths = Paths(grouped, planned.churn_days)
        columns, exponents = table(grouped.batch()), {Kind.BINARY: EXPONENT, Kind.CLASSES: 0.0}
        self._rows = {kind: sampled(grouped, exponent) for kind, exponent in exponents.items()}
        self._columns = {kind: columns[rows] for kind, rows in self._rows.items()}

    def learn(self, names: Sequence[str]) -> dict[str, State]:
        """`trees` and `base` of each named head that has enough clicks of either kind."""
        made = {name: self._head(self._layout[name]) for name in names}
        return {name: state for name, state in made.items() if any(state["trees"])}

    def _head(self, part: HeadPart) -> State:
        rounds = CLASS_ROUNDS if part.head.kind is Kind.CLASSES else ROUNDS
        columns = self._columns[part.head.kind]
        trees, base = [], []
        for label in self._labels(part):
            known = ~np.isnan(label)
            share = float(label[known].mean()) if known.any() else 0.0
            few = min((label == 1).sum(), (label == 0).sum()) < LEAST
            trees.append("" if few else _forest(columns[known], label[known], rounds))
            base.append(float(np.log(max(share, 1e-6))))
        return {"trees": trees, "base": base}

    def _labels(self, part: HeadPart) -> Iterator[Labels]:
        """Labels of the sampled clicks for each of a head's outputs: 1, 0, or NaN."""
        rows = self._rows[part.head.kind]
        found = TAUGHT[part.head.name](self._paths, part)[rows]
        if part.head.kind is not Kind.CLASSES:
            yield found.astype(np.float32)
            return
        buys = np.where(self._grouped.judged, self._paths.buys, np.nan)[rows]
        for number, name in enumerate(part.classes):
            label = np.where(found[:, 0] < 0, np.nan, found[:, 0] == number).astype(np.float32)
            # Who buys does not leave next, and who does not buy does not purchase next.
            never = {LEAVE: buys == 1, "purchase": buys == 0}.get(name, np.zeros(len(buys), bool))
            yield np.where(never, np.nan, label).astype(np.float32)


def sampled(grouped: Examples, exponent: float) -> NDArray[np.int64]:
    """Indices of the clicks to learn from; the larger the `exponent`, the more alike sessions weigh."""
    clicks = np.unique(grouped.session, return_inverse=True, return_counts=True)
    chance = clicks[2][clicks[1]] ** -exponent
    chance *= min(1.0, MOST / chance.sum())
    return np.flatnonzero(np.random.default_rng(0).random(len(chance)) < chance)


def _forest(columns: Columns, label: Labels, rounds: int) -> str:
    leaf = int(np.clip(LEAF_SHARE * len(label), *LEAF_ROWS))
    settings = TREES | {"min_data_in_leaf": leaf, "num_threads": torch.get_num_threads()}
    text: str = lightgbm.train(settings, lightgbm.Dataset(columns, label), rounds).model_to_string()
    return text
