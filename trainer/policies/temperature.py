"""How greedy a softmax may be: chosen on the validation part by its doubly robust value."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.policies.learning_data import LearningData
from trainer.policies.reward_model import MOST_WEIGHT, RewardModel

Floats = NDArray[np.float64]
Shares = Callable[[float], Floats]

#: Temperatures in units of the mean spread of a context's scores.
TEMPERATURES: Final = (2.0, 1.0, 0.5, 0.25, 0.1, 0.05)


def choose_temperature(scores: Floats, shares: Shares, data: LearningData, model: RewardModel) -> float:
    """The temperature whose shares [n, k] have the highest lower bound (one standard error) of the value.

    `scores` [n, k] and `data` are of the validation part.
    """
    spread = float(scores.std(axis=1).mean()) or 1.0
    tried = [spread * factor for factor in TEMPERATURES]
    bounds = [lower_bound(shares(one), data, model) for one in tried]
    return tried[int(np.argmax(bounds))]


def lower_bound(shares: Floats, data: LearningData, model: RewardModel) -> float:
    """Doubly robust value (Dudik et al. 2011) with clipped weights, less one standard error."""
    decisions, at = data.decisions, np.arange(len(data))
    expected = model.rewards(data)
    weight = shares[at, decisions.action] / decisions.propensity
    weight = np.minimum(weight, MOST_WEIGHT * max(1.0, float(weight.mean())))
    gains = (shares * expected).sum(axis=1)
    gains = gains + weight * (decisions.reward - expected[at, decisions.action])
    return float(gains.mean() - gains.std() / np.sqrt(len(gains)))
