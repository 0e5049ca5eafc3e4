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
    """Mean of precision over the thresholds that find a positive (ties share one threshold); 0 without any."""
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


def recall(items: NDArray[np.int32], targets: NDArray[np.int64]) -> float:
    """recall@k of one target each: how many `targets` [N] are among `items` [N, k]; a target < 0 is a miss."""
    hit = (items == targets[:, None]) & (targets[:, None] >= 0)
    return float(hit.any(1).mean()) if len(targets) else 0.0


def mrr(items: NDArray[np.int32], targets: NDArray[np.int64]) -> float:
    """Mean reciprocal rank at k, 0 for a miss."""
    hit = (items == targets[:, None]) & (targets[:, None] >= 0)
    return float((hit / (1 + np.arange(items.shape[1]))).sum(1).mean()) if len(targets) else 0.0
