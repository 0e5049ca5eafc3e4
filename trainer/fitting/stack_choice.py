"""Who answers purchase intent: the network, the trees, or both; judged on clicks that neither has learned
from.

The judged parts of a log follow each other. The weights of both on a part are fitted on the other parts, so
that what is judged is the stack of a later week, and not the fit to this one.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from trainer.fitting.calibrate import platt
from trainer.fitting.head_blend import clustered_interval

Logits = NDArray[np.float32]
Labels = NDArray[np.bool_]
Floats = NDArray[np.float64]
Serves = Literal["both", "trees", "network"]
#: Share of the network's log loss that trees alone must save to serve: they cost time at every click.
WORTH = 0.002
#: Weight that shrinks both weights towards one half: validation has few buyers.
PULL = 10.0


class JudgedLogits(NamedTuple):
    """Logits [N] of network and trees for clicks that neither has learned from, whether they `bought` [N],
    their visitors [N], and the number of the judged part of the log that each is from [N].
    """

    network: Logits
    trees: Logits
    bought: Labels
    visitor: NDArray[np.int64]
    part: NDArray[np.int64]

    def of(self, chosen: Labels) -> "JudgedLogits":
        """Those of some clicks."""
        columns = {name: values[chosen] for name, values in self._asdict().items()}
        return JudgedLogits(**columns)


class StackTrial(NamedTuple):
    """Log losses of network, trees and both over the judged parts, and by how much both save on each of the
    two, with 95% intervals over visitors. `weights` of network and trees are fitted on all parts.
    """

    network: float
    trees: float
    both: float
    saves_network: tuple[float, float, float]
    saves_trees: tuple[float, float, float]
    weights: tuple[float, float]
    parts: int
    clicks: int

    @property
    def serves(self) -> Serves:
        """Both, if that is better than either beyond noise; else the trees, if they are worth their time."""
        if min(self.weights) > 0 and self.saves_network[1] > 0 and self.saves_trees[1] > 0:
            return "both"
        return "trees" if self.trees <= (1 - WORTH) * self.network else "network"

    @property
    def served_weights(self) -> tuple[float, float]:
        """Weights of network and trees in what serves."""
        return {"both": self.weights, "trees": (0.0, 1.0), "network": (1.0, 0.0)}[self.serves]

    def told(self) -> dict[str, Any]:
        """The trial as an entry of a version's metrics."""
        return self._asdict() | {"serves": self.serves}


def joined(parts: Iterable[JudgedLogits]) -> JudgedLogits:
    """The logits of several parts in a row."""
    given = list(parts)
    names = JudgedLogits._fields
    return JudgedLogits(**{name: np.concatenate([getattr(part, name) for part in given]) for name in names})


def judged(clicks: JudgedLogits) -> StackTrial:
    """Compare network, trees and both, each at its best scale and shift on a part."""
    network = _losses(clicks.network, clicks)
    trees = _losses(clicks.trees, clicks)
    both = _losses(_by_other_parts(clicks), clicks)
    return StackTrial(
        float(network.mean()),
        float(trees.mean()),
        float(both.mean()),
        clustered_interval(network - both, clicks.visitor),
        clustered_interval(trees - both, clicks.visitor),
        weighed(clicks),
        len(np.unique(clicks.part)),
        len(clicks.part),
    )


def weighed(clicks: JudgedLogits) -> tuple[float, float]:
    """Weights of network and trees with the lowest log loss; each part has its own intercept, which
    calibration fits later.
    """
    parts = np.unique(clicks.part)
    design = np.column_stack([clicks.network, clicks.trees, clicks.part[:, None] == parts])
    design = design.astype(np.float64)
    towards = np.append([0.5, 0.5], np.zeros(len(parts)))
    pull = np.append([PULL, PULL], np.zeros(len(parts)))

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits, off = design @ weights, weights - towards
        chances = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        total = (np.logaddexp(0, logits) - clicks.bought * logits).sum() + (pull * off) @ off / 2
        return float(total), design.T @ (chances - clicks.bought) + pull * off

    bounds = [(0, 10), (0, 10), *[(None, None)] * len(parts)]
    fit = minimize(loss, towards, jac=True, method="L-BFGS-B", bounds=bounds)
    return round(float(fit.x[0]), 4), round(float(fit.x[1]), 4)


def _by_other_parts(clicks: JudgedLogits) -> Logits:
    """Logits [N] of both with the weights that other parts have, or the other half of visitors of a single
    part.
    """
    single = (clicks.part == clicks.part[0]).all()
    fold = clicks.visitor % 2 if single else clicks.part
    found = np.zeros(len(fold), dtype=np.float32)
    for number in np.unique(fold):
        here = fold == number
        network, trees = weighed(clicks.of(~here) if not here.all() else clicks)
        found[here] = network * clicks.network[here] + trees * clicks.trees[here]
    return found


def _losses(logits: Logits, clicks: JudgedLogits) -> Floats:
    """Log loss [N] of each click with the best scale and shift of its part."""
    found = np.zeros(len(logits))
    for number in np.unique(clicks.part):
        here = clicks.part == number
        bought = clicks.bought[here]
        scale, shift = platt(logits[here], bought.astype(np.float32))
        best = scale * logits[here].astype(np.float64) + shift
        found[here] = np.logaddexp(0, best) - bought * best
    return found
