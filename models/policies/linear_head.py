"""The kinds `softmax` and `uplift`: the larger an action's expected reward, the larger its share.

The reward is linear in products of a context's inputs and an action's features (Li et al. 2010, *A
Contextual-Bandit Approach to Personalized News Article Recommendation*, its hybrid model).
"""

import numpy as np

from models.policies import score_kernels, share_kernels
from models.policies.policy_heads import Bools, Floats, PolicyHeadInputs


class SoftmaxShares:
    """Shares that are a softmax of scores `[n, k]`; `temperature` in their units, 0 takes the best alone."""

    def __init__(self, temperature: float) -> None:
        self._temperature = temperature

    def shares(self, scores: Floats, allowed: Bools) -> Floats:
        """As `PolicyHead.shares`."""
        return softmax(scores, allowed, self._temperature)

    def add_row(self, scores: Floats, row: int, mask: int, weight: float, out: Floats) -> None:
        """As `PolicyHead.add_row`."""
        share_kernels.add_softmax(scores, row, mask, self._temperature, weight, out)


class LinearHead(SoftmaxShares):
    """Softmax over expected rewards."""

    def __init__(self, given: PolicyHeadInputs) -> None:
        super().__init__(given.settings["temperature"])
        self._weights = action_weights(given.tensors["weights"], given.actions)
        check_width(self._weights, given.width)

    def scores(self, _contexts: Floats, inputs: Floats) -> Floats:
        """Expected rewards `[n, k]`."""
        return product(inputs, self._weights)


class UpliftHead:
    """Softmax over uplifts: the expected reward above that of doing nothing.

    An action whose uplift is below `margin` has no share, so nobody is treated for nothing.
    """

    def __init__(self, given: PolicyHeadInputs) -> None:
        weights = action_weights(given.tensors["weights"], given.actions)
        self._none = given.none
        if given.none < 0:
            raise ValueError("it needs an action of kind 'none' to compare with")
        self._weights = weights - weights[:, given.none : given.none + 1]
        self._temperature, self._margin = given.settings["temperature"], given.settings["margin"]
        check_width(self._weights, given.width)

    def scores(self, _contexts: Floats, inputs: Floats) -> Floats:
        """Uplifts `[n, k]`, 0 for `none`."""
        return product(inputs, self._weights)

    def shares(self, scores: Floats, allowed: Bools) -> Floats:
        """As `PolicyHead.shares`."""
        worthwhile = np.empty(allowed.shape, dtype=np.bool_)
        share_kernels.worthwhile(scores, allowed, self._margin, self._none, worthwhile)
        return softmax(scores, worthwhile, self._temperature)

    def add_row(self, scores: Floats, row: int, mask: int, weight: float, out: Floats) -> None:
        """As `PolicyHead.add_row`."""
        limits = self._margin, self._none
        share_kernels.add_softmax(
            scores,
            row,
            share_kernels.worthwhile_mask(scores, row, mask, *limits),
            self._temperature,
            weight,
            out,
        )


def softmax(scores: Floats, allowed: Bools, temperature: float) -> Floats:
    """Shares `[n, k]` of the allowed actions."""
    out = np.zeros(allowed.shape)
    share_kernels.softmax(scores, allowed, temperature, out)
    return out


def product(inputs: Floats, weights: Floats) -> Floats:
    """`[n, k]` of inputs `[n, p]` and weights `[p, k]`.

    By a kernel, since a matrix product's rounding depends on the machine and on the number of rows.
    """
    out = np.zeros((len(inputs), weights.shape[1]))
    score_kernels.linear(np.ascontiguousarray(inputs), np.ascontiguousarray(weights), out)
    return out


def action_weights(weights: Floats, actions: Floats) -> Floats:
    """Weights `[p, k]` of actions from weights `[p, q]` and features `[k, q]`."""
    if weights.shape[1] != actions.shape[1]:
        raise ValueError(f"weights for {weights.shape[1]} features of actions, which have {actions.shape[1]}")
    return product(weights.astype(np.float64), actions.T)


def check_width(weights: Floats, width: int) -> None:
    """Raises ValueError for weights that are not for so many inputs."""
    if len(weights) != width:
        raise ValueError(f"weights for {len(weights)} inputs, the columns have {width}")
