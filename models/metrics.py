"""How good a ranking is. Arrays in, one number out; numpy only."""

import numpy as np
from numpy.typing import NDArray


def auc(scores: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    """Area under the ROC curve by ranks (Mann-Whitney), ties counted half; 0.5 where one class is missing."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return 0.5
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[inverse][labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(scores: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    """Mean precision over the thresholds that find a positive (ties share one); 0 without any."""
    if not labels.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(labels[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    gained = np.diff(found[last], prepend=0)
    return float((gained * found[last] / (last + 1)).sum() / found[-1])


def brier(scores: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    """Mean squared error of probabilities."""
    return float(np.mean((scores - labels) ** 2))


def at_ranks(ranks: NDArray[np.int64]) -> tuple[float, float]:
    """recall@k and mean reciprocal rank at k, from the 1-based rank of each one target [N], 0 for a miss."""
    if not len(ranks):
        return 0.0, 0.0
    return float((ranks > 0).mean()), float(np.where(ranks > 0, 1 / np.maximum(ranks, 1), 0).mean())
