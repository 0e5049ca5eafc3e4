"""Uplifts of actions over doing nothing, learned from doubly robust outcomes (Kennedy 2023, the DR-learner).

The reward models behind the outcomes are fitted on the other half of the log (cross-fitting), so that an
outcome's noise is not in its own correction.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.policies.learning_data import LearningData, PolicyTrainingError
from trainer.policies.moments import Moments, moments
from trainer.policies.projection import projection, widest
from trainer.policies.reward_model import MOST_WEIGHT, best_penalty, fit_rewards

Floats = NDArray[np.float64]


def fit_uplifts(data: LearningData) -> Floats:
    """Weights [p, q] whose differences to the action `none` are uplifts. Raises PolicyTrainingError."""
    if data.none < 0:
        raise PolicyTrainingError(
            f"found no action named none among {list(data.decisions.actions)}; an uplift is over doing "
            "nothing: name the action that does nothing by --actions, or train softmax"
        )
    penalty = best_penalty(data)
    outcomes = doubly_robust(data, penalty)
    axes = projection(data.inputs, widest(data.rows.shape[1]))
    inputs = data.inputs if axes is None else data.inputs @ axes
    weights = _sums(inputs, data, outcomes).solve(penalty).reshape(inputs.shape[1], -1)
    return weights if axes is None else np.asarray(axes @ weights, dtype=np.float64)


def doubly_robust(data: LearningData, penalty: float) -> Floats:
    """Outcomes [n, k]: expected rewards, and for the action taken its weighted residual beside them."""
    found = np.empty((len(data), len(data.rows)))
    halves = np.arange(len(data)) % 2
    for half in (0, 1):
        model = fit_rewards(data.part(np.flatnonzero(halves != half)), penalty)
        own = data.part(np.flatnonzero(halves == half))
        expected, at = model.rewards(own), np.arange(len(own))
        taken, weight = own.decisions.action, 1.0 / own.decisions.propensity
        weight = np.minimum(weight, MOST_WEIGHT * weight.mean())
        expected[at, taken] += weight * (own.decisions.reward - expected[at, taken])
        found[halves == half] = expected
    return found


def _sums(inputs: Floats, data: LearningData, outcomes: Floats) -> Moments:
    """Every context counts once for each action but `none`, with the difference of the features."""
    contrasts, none = data.rows - data.rows[data.none], data.none
    total: Moments | None = None
    for action in range(len(contrasts)):
        if action != none:
            number = np.full(len(inputs), action, dtype=np.int64)
            one = moments(inputs, contrasts, number, outcomes[:, action] - outcomes[:, none])
            total = one if total is None else total + one
    if total is None:
        raise PolicyTrainingError("found no action but none; expected another one to compare with it")
    return total
