"""Purchase intent from the network stacked with gradient-boosted trees.

Stacking: Wolpert 1992, "Stacked generalization". Trees: LightGBM (Ke et al. 2017).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.batch import Batch
from models.features.tree_columns import Columns, ColumnTable
from models.scoring import quick_trees, tree_kernel


class Forest:
    """Trees and stacking weights, from the `state` in a version: `ranks`, `trees`, `weights`.

    `trees` is a LightGBM text, or a list of texts whose logits are averaged. With a weight of 0 for the
    network the trees answer alone. Raises ValueError where these do not fit together.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)
        self.network, self.trees = map(float, state["weights"])
        if not (0 <= self.network < np.inf and 0 < self.trees < np.inf):
            raise ValueError(
                f"weights of network and trees are {state['weights']}, expected the network's from 0 and the "
                "trees' above 0"
            )
        self.table = ColumnTable(state["ranks"])
        self._trees, width = tree_kernel.read_bags(state["trees"])
        self._splits = quick_trees.splits(self._trees)
        self._output = np.zeros(len(self._trees.roots), dtype=np.int64)
        if width != self.table.width:
            raise ValueError(f"trees of {width} columns, expected {self.table.width}")
        self.logits(np.zeros((1, width), dtype=np.float32))  # compiles now rather than at the first click

    def of(self, batch: Batch) -> NDArray[np.float64]:
        """Logits [N] of the trees alone for a batch's clicks."""
        return self.logits(self.table(batch))

    def stacked(self, logits: Tensor, batch: Batch) -> Tensor:
        """Stacked purchase logits [N] from the network's `logits` [N] and the trees."""
        return self._mixed(logits, self.table(batch))

    def probed(
        self, logits: Tensor, batch: Batch, groups: Sequence[NDArray[np.int64]], means: Columns
    ) -> Tensor:
        """Stacked logits [N + G] of a batch, and of its first click with each group of features at means."""
        blank = np.repeat(batch.features[:1], len(groups), 0)
        for row, columns in zip(blank, groups, strict=True):
            row[columns] = means[columns]
        before = self.table.before(batch)
        rows = np.append(np.arange(len(batch)), np.zeros(len(groups), dtype=np.int64))
        features = np.vstack([batch.features, blank])
        return self._mixed(logits, self.table.rows(batch.codes[rows], features, before[rows]))

    def logits(self, columns: Columns) -> NDArray[np.float64]:
        """Logits [N] of the trees alone from columns [N, C]: the bits of `lightgbm.Booster.predict`
        for one text.
        """
        found = np.zeros(len(columns))
        if self._splits is not None:
            quick_trees.add(self._splits, self._output, columns, found[:, None])
        else:
            tree_kernel.add(self._trees, columns, found)
        return found

    def _mixed(self, logits: Tensor, columns: Columns) -> Tensor:
        own = torch.from_numpy(self.logits(columns).astype(np.float32)).to(logits.device)
        return self.network * logits + self.trees * own
