"""How good a ranking is. Arrays in, one number out; numpy only."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Added to a curvature without a pull, so that it can be inverted.
TINY: Final = 1e-9


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
    """Mean squared error of probabilities; 0 for none."""
    return float(np.mean((scores - labels) ** 2)) if len(scores) else 0.0


def at_ranks(ranks: NDArray[np.int64]) -> tuple[float, float]:
    """recall@k and mean reciprocal rank at k, from the 1-based rank of each one target [N], 0 for a miss."""
    if not len(ranks):
        return 0.0, 0.0
    return float((ranks > 0).mean()), float(np.where(ranks > 0, 1 / np.maximum(ranks, 1), 0).mean())


def ranked(ranks: NDArray[np.int64], k: int) -> dict[str, float]:
    """recall, mrr and ndcg at k of the 1-based ranks of each one target [N], 0 for a miss.

    With one target the ideal order gains 1, so ndcg is 1 / log2(1 + rank) (Jarvelin, Kekalainen 2002).
    """
    within = np.where(ranks <= k, ranks, 0)
    recall, mrr = at_ranks(within)
    gains = np.where(within > 0, 1 / np.log2(1 + np.maximum(within, 1)), 0)
    return {f"recall@{k}": recall, f"mrr@{k}": mrr, f"ndcg@{k}": float(gains.mean()) if len(ranks) else 0.0}


def percentiles(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Share of the other items [V] that are met less often than each, ties half: 1 is the commonest."""
    _, inverse, same = np.unique(counts, return_inverse=True, return_counts=True)
    below: NDArray[np.float64] = (np.cumsum(same) - same + (same - 1) / 2)[inverse]
    return below / max(1, len(counts) - 1)


def calibration_error(scores: NDArray[np.float32], labels: NDArray[np.bool_], bins: int = 15) -> float:
    """Mean gap between probability and frequency over bins of equal counts (Guo et al. 2017).

    Equal scores share a bin, which is then the fuller: nothing but their order would tell them apart.
    """
    if not len(scores):
        return 0.0
    below = np.searchsorted(np.sort(scores), scores)
    inside = below * min(bins, len(scores)) // len(scores)
    gaps = np.bincount(inside, weights=scores.astype(np.float64) - labels)
    return float(np.abs(gaps).sum() / len(scores))


def top_decile_error(scores: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    """Gap between predicted and actual share in the top tenth of probabilities, ties included; 0 for none."""
    if not len(scores):
        return 0.0
    place = len(scores) - max(1, len(scores) // 10)
    top = scores >= np.partition(scores, place)[place]
    return abs(float(scores[top].mean()) - float(labels[top].mean()))


def calibration_slope(scores: NDArray[np.float32], labels: NDArray[np.bool_], steps: int = 50) -> float:
    """Slope of labels on the scores' logits: 1 is right, below 1 the scores are too extreme (Cox 1958)."""
    clipped = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    if not 0 < labels.sum() < len(labels) or np.ptp(clipped) == 0:
        return 1.0
    return logistic_line(np.log(clipped / (1 - clipped)), labels, steps=steps)[0]


def logistic_line(
    logits: NDArray[np.float64],
    labels: NDArray[Any],
    towards: tuple[float, float] = (1.0, 0.0),
    pull: float = 0.0,
    steps: int = 50,
) -> tuple[float, float]:
    """Scale and shift that minimise the log loss of sigmoid(scale * logit + shift), by Newton's method.

    `pull` is the weight of the squared distance from `towards`, where the search begins.
    """
    inputs = np.stack([logits, np.ones(len(logits))], 1)
    centre = np.array(towards)
    weights = centre.copy()
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        gradient = inputs.T @ (chance - labels) + pull * (weights - centre)
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + (pull or TINY) * np.eye(2)
        change = np.linalg.solve(curvature, gradient)
        weights = weights - np.clip(change, -1, 1)
        if np.abs(change).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])


class AtThreshold(NamedTuple):
    """Shares of decisions "buys" at a threshold; precision and recall are 0 where nothing is found."""

    accuracy: float
    precision: float
    recall: float
    f1: float


def at_threshold(scores: NDArray[np.float32], labels: NDArray[np.bool_], threshold: float) -> AtThreshold:
    """Decide "buys" from the threshold up."""
    said = scores >= threshold
    hits = int((said & labels).sum())
    precision, recall = hits / max(1, int(said.sum())), hits / max(1, int(labels.sum()))
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return AtThreshold(float((said == labels).mean()) if len(labels) else 0.0, precision, recall, f1)


def best_threshold(scores: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    """The threshold with the best F1; 0.5 without a positive."""
    if not labels.any():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + hits[-1])
    # Only the last of equal scores is a threshold.
    ends = np.append(np.diff(scores[order]) != 0, True)
    return float(scores[order][np.where(ends, f1, -1).argmax()])
