"""Expected rewards, linear in products of inputs and features of actions, by weighted ridge regression."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.policies.learning_data import LearningData
from trainer.policies.moments import moments
from trainer.policies.projection import projection, widest

Floats = NDArray[np.float64]

PENALTIES: Final = (1.0, 10.0, 100.0, 1000.0)
#: Largest weight of a decision relative to the mean; rare actions must not decide alone.
MOST_WEIGHT: Final = 10.0


@dataclass(frozen=True)
class RewardModel:
    """`weights` [p, q]."""

    weights: Floats

    def rewards(self, data: LearningData) -> Floats:
        """Expected rewards [n, k]."""
        return np.asarray(data.inputs @ self.weights @ data.rows.T, dtype=np.float64)


def importance(data: LearningData) -> Floats:
    """Weights [n] of decisions: 1 / propensity, clipped and with a mean of 1.

    They make the fit as good for actions that the logging policy seldom took (Farajtabar et al. 2018, *More
    Robust Doubly Robust Off-policy Evaluation*, use such weights as well).
    """
    weights = 1.0 / data.decisions.propensity
    weights = np.minimum(weights / weights.mean(), MOST_WEIGHT)
    return np.asarray(weights / weights.mean(), dtype=np.float64)


def fit_rewards(data: LearningData, penalty: float | None = None) -> RewardModel:
    """Fitted to all decisions; without a `penalty` the one that is best on the validation part."""
    if penalty is None:
        penalty = best_penalty(data)
    return _fitted(data, (penalty,))[0]


def best_penalty(data: LearningData) -> float:
    """The penalty with the smallest weighted squared error on the last part of the log."""
    train, valid = data.split()
    errors = [_error(model, valid) for model in _fitted(train, PENALTIES)]
    return PENALTIES[int(np.argmin(errors))]


def _error(model: RewardModel, data: LearningData) -> float:
    expected = model.rewards(data)[np.arange(len(data)), data.decisions.action]
    return float(importance(data) @ (data.decisions.reward - expected) ** 2)


def _fitted(data: LearningData, penalties: tuple[float, ...]) -> list[RewardModel]:
    axes = projection(data.inputs, widest(data.rows.shape[1]))
    inputs = data.inputs if axes is None else data.inputs @ axes
    decisions = data.decisions
    sums = moments(inputs, data.rows, decisions.action, decisions.reward, importance(data))
    found = [sums.solve(penalty).reshape(inputs.shape[1], -1) for penalty in penalties]
    return [RewardModel(one if axes is None else axes @ one) for one in found]
