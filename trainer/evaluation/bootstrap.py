"""Bootstrap intervals that resample visitors, because clicks of one visitor are dependent (Field, Welsh
2007).
"""

from copy import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.examples.session_weights import session_weights

Scores = NDArray[np.float32]
Labels = NDArray[np.bool_]
RESAMPLES = 300


class Area(NamedTuple):
    """AUC and average precision of weighted clicks."""

    auc: float
    average_precision: float


class Weighted:
    """AUC and average precision of one model's scores under any weights of its N clicks; the scores are
    sorted once.
    """

    def __init__(self, scores: Scores, labels: Labels) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
        self._labels = labels[self._order]

    def __call__(self, weights: NDArray[np.float64]) -> Area:
        """Both figures with each click counted `weights` [N] times; equal scores share a threshold."""
        if not len(weights):
            return Area(0.5, 0.0)
        ordered = weights[self._order]
        hits = np.cumsum(ordered * self._labels)[self._last]
        misses = np.cumsum(ordered * ~self._labels)[self._last]
        gained, passed = np.diff(hits, prepend=0), np.diff(misses, prepend=0)
        if not hits[-1] or not misses[-1]:
            return Area(0.5, 0.0)
        area = float((passed * (hits - gained / 2)).sum() / (hits[-1] * misses[-1]))
        precision = hits / np.maximum(hits + misses, 1e-12)
        return Area(area, float((gained * precision).sum() / hits[-1]))


def by_session(scores: Scores, labels: Labels, session: NDArray[np.int64]) -> Area:
    """Figures in which sessions count alike: each of a session's clicks [N] weighs 1 / their number."""
    return Weighted(scores, labels)(session_weights(session, 1.0).astype(np.float64))


def resampled(visitors: NDArray[np.int64], seed: int = 0) -> "Resamples":
    """RESAMPLES draws of visitors with replacement, as weights of the clicks."""
    return Resamples(np.unique(visitors, return_inverse=True)[1], np.random.default_rng(seed))


class Resamples:
    """Iterates over weights `[N]`. The same seed gives the same draws, so differences between models are
    paired.
    """

    def __init__(self, visitor: NDArray[np.int64], random: np.random.Generator) -> None:
        self._visitor = visitor
        count = int(visitor.max(initial=-1)) + 1
        self._draws = [random.multinomial(count, np.full(count, 1 / count)) for _ in range(RESAMPLES)]

    def part(self, chosen: Labels) -> "Resamples":
        """The same draws of visitors, restricted to some of the clicks."""
        part = copy(self)
        part._visitor = self._visitor[chosen]
        return part

    def areas(self, scores: Scores, labels: Labels) -> NDArray[np.float64]:
        """AUC and average precision `[RESAMPLES, 2]` in each draw."""
        model = Weighted(scores, labels)
        return np.array([model(draw[self._visitor].astype(np.float64)) for draw in self._draws])

    def means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of `values` [N] in each draw [RESAMPLES]; 0 where a draw contains none of the clicks."""
        count = len(self._draws[0]) if self._draws else 0
        sums = np.bincount(self._visitor, values, minlength=count)
        clicks = np.bincount(self._visitor, minlength=count)
        draws = np.stack(self._draws)
        means: NDArray[np.float64] = (draws @ sums) / np.maximum(draws @ clicks, 1)
        return means


def interval(values: NDArray[np.float64]) -> list[float]:
    """The central 95% of resampled values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return [float(low), float(high)]
