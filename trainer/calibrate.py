"""Platt scaling (Platt 1999): logits to probabilities that mean what they say."""

import numpy as np
from numpy.typing import NDArray


def platt(logits: NDArray[np.float32], labels: NDArray[np.float32], steps: int = 50) -> tuple[float, float]:
    """Scale and shift that minimise the log loss of sigmoid(scale * logit + shift), by Newton's method.

    Identity where one class is missing; a scale that would reverse the order is refused the same way.
    """
    if not 0 < labels.sum() < len(labels):
        return 1.0, 0.0
    inputs = np.stack([logits.astype(np.float64), np.ones(len(logits))], 1)
    # A weak pull towards the identity keeps a handful of positives from an extreme slope.
    centre, pull = np.array([1.0, 0.0]), 1.0
    weights = centre.copy()
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        gradient = inputs.T @ (chance - labels) + pull * (weights - centre)
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + pull * np.eye(2)
        change = np.linalg.solve(curvature, gradient)
        weights = weights - np.clip(change, -1, 1)
        if np.abs(change).max() < 1e-8:
            break
    return (float(weights[0]), float(weights[1])) if weights[0] > 0 else (1.0, 0.0)
