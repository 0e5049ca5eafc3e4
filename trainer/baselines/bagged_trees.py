"""The trees that serve purchase intent: bags of shallow trees in which sessions weigh alike.

Shallow trees with many rows a leaf cannot remember single long sessions, whose clicks repeat each other. Bags
differ in their seeds alone, and their logits are averaged (Breiman 1996, "Bagging predictors").
"""

from collections.abc import Sequence
from typing import Any, Final

import lightgbm
import numpy as np
import torch
from numpy.typing import NDArray

from models.features.tree_columns import ColumnTable
from trainer.baselines import trees
from trainer.baselines.baseline_kinds import State
from trainer.examples.examples import Examples
from trainer.examples.session_weights import session_weights

#: LightGBM's settings; measured in docs/models.md.
TREES: Final = trees.TREES | {
    "num_leaves": 12,
    "learning_rate": 0.05,
    "feature_fraction": 0.15,
    "bagging_fraction": 0.6,
}
BAGS: Final = 3
#: Most rounds of a bag; validation chooses how many, by the first bag.
ROUNDS, PATIENCE = 300, 100
#: Least rows of a leaf: so many, or this share of all rows where a log is small.
LEAF_ROWS, LEAF_SHARE = 500, 1 / 200
#: With more clicks than this, each bag draws clicks with a probability that is their weight: as good as
#: weights, and three times as fast.
MOST: Final = 200_000


def learn(train: Examples, valid: Examples, exponent: float) -> State:
    """The common names and the bags' trees as LightGBM's texts, from clicks grouped by session.

    Clicks weigh 1 / clicks of the session ** `exponent`. `rounds` are the trees of each bag.
    """
    bags = _Bags(ColumnTable.learn(train.codes, train.features), train, exponent)
    judged = lightgbm.Dataset(bags.table(valid.batch()), valid.buys, weight=_weights(valid, exponent))
    stop = [lightgbm.early_stopping(PATIENCE, verbose=False)]
    first = bags.bag(0, ROUNDS, [judged], stop)
    return bags.state(first.best_iteration, first)


def refit(state: State, every: Examples) -> State:
    """As many trees, learned from all clicks."""
    table = ColumnTable.learn(every.codes, every.features)
    return state | _Bags(table, every, state["exponent"]).state(state["rounds"])


class _Bags:
    """The rows of a log that bags learn from."""

    def __init__(self, table: ColumnTable, grouped: Examples, exponent: float) -> None:
        self.table, self._exponent = table, exponent
        self._columns, self._labels = table(grouped.batch()), grouped.buys.astype(np.float32)
        self._weights = _weights(grouped, exponent)

    def state(self, rounds: int, first: lightgbm.Booster | None = None) -> State:
        """The state of all bags; `first` is bag 0 where it has learned already."""
        made = [first or self.bag(0, rounds), *(self.bag(seed, rounds) for seed in range(1, BAGS))]
        texts = [bag.model_to_string(num_iteration=rounds) for bag in made]
        return {"ranks": self.table.ranks, "trees": texts, "rounds": rounds, "exponent": self._exponent}

    def bag(
        self, seed: int, rounds: int, judged: Sequence[lightgbm.Dataset] = (), stop: Sequence[Any] = ()
    ) -> lightgbm.Booster:
        """The trees of one seed."""
        columns, labels, weights = self._columns, self._labels, self._weights
        if len(labels) > MOST:
            drawn = np.random.default_rng(seed).random(len(labels)) < weights / weights.max()
            columns, labels, weights = columns[drawn], labels[drawn], np.ones(drawn.sum(), np.float32)
        learned = lightgbm.Dataset(columns, labels, weight=weights)
        return lightgbm.train(_settings(len(labels), seed), learned, rounds, [*judged], callbacks=[*stop])


def _weights(grouped: Examples, exponent: float) -> NDArray[np.float32]:
    return session_weights(grouped.session, exponent)


def _settings(rows: int, seed: int) -> dict[str, Any]:
    leaf = max(1, min(LEAF_ROWS, int(LEAF_SHARE * rows)))
    # The number of threads does not change the trees; more threads than free cores only wait for each other.
    return TREES | {"min_data_in_leaf": leaf, "seed": seed, "num_threads": torch.get_num_threads()}
