"""Fewer inputs for models whose size is the product of inputs and features of actions."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Most weights of a linear model, since its Gram matrix has the square of them.
MAX_WEIGHTS: Final = 2000


def projection(inputs: Floats, width: int) -> Floats | None:
    """Principal axes [p, width] beside the constant, which stays the first; None where they are few."""
    if inputs.shape[1] <= width:
        return None
    others = inputs[:, 1:] - inputs[:, 1:].mean(axis=0)
    _, axes = np.linalg.eigh(others.T @ others)
    axes = axes[:, ::-1][:, : width - 1]
    # The sign of an axis is arbitrary; fixed, so that the same log gives the same policy.
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    found = np.zeros((inputs.shape[1], width))
    found[0, 0], found[1:, 1:] = 1.0, axes
    return found


def widest(features: int, limit: int = MAX_WEIGHTS) -> int:
    """The most inputs of a model of so many features of actions."""
    return max(2, limit // features)
