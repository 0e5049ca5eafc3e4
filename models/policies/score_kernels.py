"""Scores of actions from inputs, row by row: no result depends on another row or on its place.

Sums run in the order of the inputs, and inputs of 0 (most of them words that do not hold) are passed over.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Floats = NDArray[np.float64]


@kernel
def linear(inputs: Floats, weights: Floats, out: Floats) -> None:
    """Into `out` (zeros) [n, k] the products of inputs [n, p] and weights [p, k]."""
    for row in range(len(inputs)):
        add_product(inputs[row], weights, out[row])


@kernel
def add_product(inputs: Floats, weights: Floats, out: Floats) -> None:
    """Add to `out` [k] the product of inputs [p] and weights [p, k]."""
    for place in range(len(inputs)):
        value = inputs[place]
        if value != 0.0:
            for action in range(weights.shape[1]):
                out[action] += value * weights[place, action]


@kernel
def gaussian(inputs: Floats, means: Floats, factors: Floats, out: Floats) -> None:
    """Into `out` (zeros) [n, 2k] means and standard deviations of the actions' values.

    `means` [h, k] are weights. `factors` [h, h * k] are lower Cholesky factors, of each column the actions
    side by side: the variance of an action is the squared length of its part of the product.
    """
    actions, width = means.shape[1], means.shape[0]
    parts = np.empty(factors.shape[1])
    for row in range(len(inputs)):
        add_product(inputs[row], means, out[row, :actions])
        parts[:] = 0.0
        for place in range(width):
            value = inputs[row, place]
            if value != 0.0:
                for part in range((place + 1) * actions):
                    parts[part] += value * factors[place, part]
        for column in range(width):
            for action in range(actions):
                part = parts[column * actions + action]
                out[row, actions + action] += part * part
        for action in range(actions):
            out[row, actions + action] = np.sqrt(out[row, actions + action])


@kernel
def cholesky(matrix: Floats, out: Floats) -> None:
    """Into `out` (zeros) [h, h] the lower factor of a covariance; a pivot below 0 counts as 0."""
    for column in range(len(matrix)):
        for row in range(column, len(matrix)):
            rest = matrix[row, column]
            for place in range(column):
                rest -= out[row, place] * out[column, place]
            if row == column:
                out[row, row] = np.sqrt(max(rest, 0.0))
            elif out[column, column] > 0.0:
                out[row, column] = rest / out[column, column]


@kernel
def marginal(covariance: Floats, action: Floats, out: Floats) -> None:
    """Into `out` (zeros) [h, h] the covariance of an action's weights from one of weights [h * q, h * q]."""
    width = len(action)
    for row in range(len(out)):
        for column in range(len(out)):
            for left in range(width):
                for right in range(width):
                    weight = action[left] * action[right]
                    if weight != 0.0:
                        out[row, column] += weight * covariance[row * width + left, column * width + right]


@kernel
def hidden_layer(inputs: Floats, weights: Floats, bias: Floats, out: Floats) -> None:
    """Into `out` [n, h] the rectified layer of inputs [n, p]."""
    for row in range(len(inputs)):
        out[row] = bias
        add_product(inputs[row], weights, out[row])
        for unit in range(len(bias)):
            out[row, unit] = max(out[row, unit], 0.0)


@kernel
def dueling(states: Floats, value: Floats, advantages: Floats, out: Floats) -> None:
    """Into `out` (zeros) [n, k] the values of actions in states [n, h]; the last row of weights is the bias.

    Q = V + A - mean of A (Wang et al. 2016).
    """
    bias, actions = states.shape[1], advantages.shape[1]
    for row in range(len(states)):
        add_product(states[row], advantages[:bias], out[row])
        level, mean = value[bias], 0.0
        for unit in range(bias):
            level += states[row, unit] * value[unit]
        for action in range(actions):
            out[row, action] += advantages[bias, action]
            mean += out[row, action]
        mean /= actions
        for action in range(actions):
            out[row, action] += level - mean
