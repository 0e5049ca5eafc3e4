"""Normal posteriors of linear rewards, updated by adding sums: what came later need not be read with it all.

Bayesian linear regression with a normal prior and the noise's variance estimated from the same sums, so an
update equals a fit on everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.policies.policy_files import HeadDescription
from trainer.policies.learning_data import LearningData
from trainer.policies.moments import Moments, moments
from trainer.policies.projection import projection, widest

Floats = NDArray[np.float64]
Tensors = dict[str, NDArray[Any]]

#: Inputs of a posterior at most, for the cost of a decision; more are projected on their principal axes.
HEAD: Final = 16
MOST: Final = 1200
#: Precision of the prior in units of one decision.
PRIOR: Final = 10.0


@dataclass(frozen=True)
class Posterior:
    """Sums in the space of `axes` [p, h] (None: all inputs), the prior's precision, features of an action."""

    sums: Moments
    axes: Floats | None
    prior: float
    features: int

    def updated(self, data: LearningData) -> "Posterior":
        """With further decisions, encoded by the same columns and features."""
        return replace(self, sums=self.sums + _sums(data, self.axes))

    def tensors(self) -> Tensors:
        """Mean and covariance for serving, and the sums for the next update."""
        gram = self.sums.penalised(self.prior)
        weights, noise = self.sums.solve(self.prior), self.variance()
        width = len(weights) // self.features
        totals = np.array([self.sums.count, self.sums.square])
        covariance = noise * np.linalg.inv(gram)
        found = {
            "mean": weights.reshape(width, -1),
            "covariance": (covariance + covariance.T) / 2,
            "gram": self.sums.gram,
            "moment": self.sums.moment.reshape(width, -1),
            "totals": totals,
        }
        return found if self.axes is None else {**found, "projection": self.axes}

    def variance(self) -> float:
        """The variance of a reward around its expected value."""
        return self.sums.noise(self.sums.solve(self.prior))


def fit_posterior(data: LearningData, head: int = HEAD, prior: float = PRIOR) -> Posterior:
    """The posterior after these decisions."""
    axes = projection(data.inputs, min(head, widest(data.rows.shape[1], MOST)))
    return Posterior(_sums(data, axes), axes, prior, data.rows.shape[1])


def posterior_of(head: HeadDescription, tensors: Mapping[str, NDArray[Any]]) -> Posterior:
    """The posterior that a stored head was made from."""
    count, square = tensors["totals"].tolist()
    moment = tensors["moment"]
    sums = Moments(tensors["gram"], moment.reshape(-1), count, square)
    return Posterior(sums, tensors.get("projection"), head.settings["prior"], moment.shape[1])


def _sums(data: LearningData, axes: Floats | None) -> Moments:
    inputs = data.inputs if axes is None else data.inputs @ axes
    return moments(inputs, data.rows, data.decisions.action, data.decisions.reward)
