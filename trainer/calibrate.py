"""Platt scaling (Platt 1999): logits to probabilities that mean what they say."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.network import BANDS, band

Line = tuple[float, float]
#: How strongly a band's line is drawn to that of all clicks: a band with few buyers keeps near it.
BAND_PULL = 20.0


def by_band(logits: NDArray[np.float32], labels: NDArray[np.float32], position: NDArray[np.int32]) -> Tensor:
    """A line `[bands, 2]` for each band of click indices (`models.network.band`), drawn to the one of all."""
    every = platt(logits, labels)
    bands = band(torch.from_numpy(position)).numpy()
    parts = [bands == number for number in range(len(BANDS) + 1)]
    return torch.tensor([platt(logits[part], labels[part], every, BAND_PULL) for part in parts])


def platt(
    logits: NDArray[np.float32],
    labels: NDArray[np.float32],
    towards: Line = (1.0, 0.0),
    pull: float = 1.0,
    steps: int = 50,
) -> Line:
    """Scale and shift that minimise the log loss of sigmoid(scale * logit + shift), by Newton's method.

    `towards` where one class is missing; a scale that would reverse the order is refused the same way.
    """
    if not 0 < labels.sum() < len(labels):
        return towards
    inputs = np.stack([logits.astype(np.float64), np.ones(len(logits))], 1)
    # A weak pull towards the identity keeps a handful of positives from an extreme slope.
    centre = np.array(towards)
    weights = centre.copy()
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        gradient = inputs.T @ (chance - labels) + pull * (weights - centre)
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + pull * np.eye(2)
        change = np.linalg.solve(curvature, gradient)
        weights = weights - np.clip(change, -1, 1)
        if np.abs(change).max() < 1e-8:
            break
    return (float(weights[0]), float(weights[1])) if weights[0] > 0 else towards
