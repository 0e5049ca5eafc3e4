"""Sums over decisions from which linear models are fitted; they add up, so a model is updated by adding.

A decision's regressors are all products of its inputs and its action's features, so the sums of an action are
Kronecker products and no row of products is ever made.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Precision of the constant's weight relative to the others: it is hardly shrunk.
CONSTANT: Final = 1e-3


@dataclass(frozen=True)
class Moments:
    """`gram` [P, P] and `moment` [P] of regressors and rewards; `count` and `square` of the rewards."""

    gram: Floats
    moment: Floats
    count: float
    square: float

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.gram + other.gram,
            self.moment + other.moment,
            self.count + other.count,
            self.square + other.square,
        )

    def solve(self, penalty: float) -> Floats:
        """Ridge weights [P]."""
        return np.asarray(np.linalg.solve(self.penalised(penalty), self.moment), dtype=np.float64)

    def penalised(self, penalty: float) -> Floats:
        """The Gram matrix with the prior's precision on its diagonal."""
        prior = np.full(len(self.gram), penalty)
        prior[0] *= CONSTANT
        precision: Floats = self.gram + np.diag(prior)
        return precision

    def noise(self, weights: Floats) -> float:
        """Mean squared residual of these weights."""
        rest = self.square - 2 * weights @ self.moment + weights @ self.gram @ weights
        return max(float(rest) / max(self.count, 1.0), 1e-12)


def moments(
    inputs: Floats, rows: Floats, action: NDArray[np.int64], reward: Floats, weights: Floats | None = None
) -> Moments:
    """Of decisions with inputs [n, h] for actions with features `rows` [k, q]; `weights` [n] count rows."""
    weights = np.ones(len(reward)) if weights is None else weights
    size = inputs.shape[1] * rows.shape[1]
    gram, moment = np.zeros((size, size)), np.zeros(size)
    for number in np.unique(action):
        chosen, row = np.flatnonzero(action == number), rows[number]
        weighted = inputs[chosen] * weights[chosen, None]
        gram += np.kron(inputs[chosen].T @ weighted, np.outer(row, row))
        moment += np.kron(weighted.T @ reward[chosen], row)
    square = float(weights @ (reward * reward))
    return Moments(gram, moment, float(weights.sum()), square)
