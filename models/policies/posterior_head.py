"""The kinds `thompson` and `ucb`: a normal posterior of each action's expected reward.

The reward is linear in products of (projected) inputs and features of actions, with a normal posterior of the
weights. Values of different actions count as independent (Agrawal and Goyal 2013, *Thompson Sampling for
Contextual Bandits with Linear Payoffs*; Li et al. 2010 for the upper bound). An action that the training did
not have also has the prior's uncertainty of its own effect.
"""

import numpy as np

from models.policies import score_kernels, selection_kernels
from models.policies.linear_head import SoftmaxShares, action_weights, check_width, product
from models.policies.policy_heads import Bools, Floats, PolicyHeadInputs


class PosteriorHead:
    """Means and deviations of expected rewards by action."""

    def __init__(self, given: PolicyHeadInputs) -> None:
        mean, covariance = (given.tensors[name].astype(np.float64) for name in ("mean", "covariance"))
        self._projection = given.tensors.get("projection")
        check_width(mean if self._projection is None else self._projection, given.width)
        self._means, width = action_weights(mean, given.actions), len(mean)
        if covariance.shape != (mean.size, mean.size):
            raise ValueError(f"a covariance of shape {covariance.shape} for {mean.size} weights")
        spread = given.settings["own_variance"]
        self._factors = np.zeros((width, width * len(given.actions)))
        for place, (action, new) in enumerate(zip(given.actions, given.new, strict=True)):
            variance, factor = np.zeros((width, width)), np.zeros((width, width))
            score_kernels.marginal(covariance, action, variance)
            score_kernels.cholesky(variance + spread * new * np.eye(width), factor)
            self._factors[:, place :: len(given.actions)] = factor

    def scores(self, _contexts: Floats, inputs: Floats) -> Floats:
        """Means and deviations `[n, 2k]`."""
        if self._projection is not None:
            inputs = product(inputs, self._projection)
        out = np.zeros((len(inputs), 2 * self._means.shape[1]))
        score_kernels.gaussian(inputs, self._means, self._factors, out)
        return out


class ThompsonHead(PosteriorHead):
    """An action's share is the probability that its draw from the posterior is the largest, computed."""

    def shares(self, scores: Floats, allowed: Bools) -> Floats:
        """As `PolicyHead.shares`."""
        out = np.zeros(allowed.shape)
        tables = selection_kernels.DENSITY, selection_kernels.BELOW
        selection_kernels.selection(scores, allowed, *tables, out)
        return out

    def add_row(self, scores: Floats, row: int, mask: int, weight: float, out: Floats) -> None:
        """As `PolicyHead.add_row`."""
        tables = selection_kernels.DENSITY, selection_kernels.BELOW
        selection_kernels.add_selection(scores, row, mask, *tables, weight, out)


class OptimisticHead(PosteriorHead, SoftmaxShares):
    """Softmax over upper confidence bounds: mean plus `optimism` deviations."""

    def __init__(self, given: PolicyHeadInputs) -> None:
        PosteriorHead.__init__(self, given)
        SoftmaxShares.__init__(self, given.settings["temperature"])
        self._optimism = given.settings["optimism"]

    def scores(self, contexts: Floats, inputs: Floats) -> Floats:
        """Upper bounds `[n, k]`."""
        found, actions = super().scores(contexts, inputs), self._means.shape[1]
        bounds: Floats = found[:, :actions] + self._optimism * found[:, actions:]
        return bounds
