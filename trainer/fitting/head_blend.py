"""Weights of network and trees in a further head, and whether the blend is better than the network alone.

A head is a softmax over the columns of its outputs; a yes-or-no head has two, of which the first is 0.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Weight that shrinks a term's weight towards where it starts: validation has few positives.
PULL: Final = 10.0
#: Logit of a class that cannot occur.
CLOSED: Final = -1e9
#: Successive parts of the validation clicks: each but the first is judged by weights of those before it.
PARTS: Final = 4
#: Share of the network's log loss that trees must save: they cost time at every click.
WORTH: Final = 0.003
_QUANTILE: Final = 1.96


class BlendTerms(NamedTuple):
    """Terms [N, C, D] of the logits of N clicks' C classes, the classes [N, C] that cannot occur, and where
    the weights [D] of the terms start.
    """

    terms: Floats
    closed: NDArray[np.bool_]
    start: Floats

    def logits(self, weights: Floats) -> Floats:
        """Logits [N, C]."""
        return np.where(self.closed, CLOSED, self.terms @ weights)

    def of(self, rows: NDArray[np.bool_] | Ints) -> "BlendTerms":
        """Those of some clicks."""
        return self._replace(terms=self.terms[rows], closed=self.closed[rows])

    def only(self, chosen: list[int]) -> "BlendTerms":
        """Those without the other terms; the first one chosen starts at 1."""
        start = self.start[chosen].copy()
        start[0] = 1.0
        return self._replace(terms=self.terms[:, :, chosen], start=start)


class BlendTrial(NamedTuple):
    """Log losses of network, trees and both on the judged parts; `gain` of both over the network, with the
    95% interval over visitors, and by part. `clicks` were judged.
    """

    network: float
    trees: float
    both: float
    gain: tuple[float, float, float]
    by_part: tuple[float, ...]
    clicks: int

    @property
    def kept(self) -> bool:
        """Whether the trees are worth it: beyond noise, enough, and in most parts."""
        won = sum(gain > 0 for gain in self.by_part)
        worth = self.gain[1] > 0 and self.gain[0] >= WORTH * self.network
        return worth and won > len(self.by_part) / 2


def terms(own: Floats, said: Floats) -> BlendTerms:
    """Terms of a network's outputs and of trees' [N, C]; of yes-or-no heads [N, 1], and then with a shift."""
    if own.shape[1] > 1:
        closed = own <= CLOSED
        made = np.stack([np.where(closed, 0, own), np.where(closed, 0, said)], 2)
        return BlendTerms(made, closed, np.array([0.5, 0.5]))
    columns = np.column_stack([own, said, np.ones(len(own))])
    made = np.stack([np.zeros_like(columns), columns], 1)
    return BlendTerms(made, np.zeros((len(own), 2), bool), np.array([0.5, 0.5, 0.0]))


def fitted(given: BlendTerms, label: Ints) -> Floats:
    """Weights [D] with the lowest log loss of the labels' classes [N]; those of a shift may be negative."""
    rows = np.arange(len(label))

    def loss(weights: Floats) -> tuple[float, Floats]:
        chances = _chances(given.logits(weights))
        off = chances.copy()
        off[rows, label] -= 1
        pulled = PULL * (weights - given.start)
        total = -np.log(np.maximum(chances[rows, label], 1e-30)).sum() + pulled @ (weights - given.start) / 2
        return float(total), np.einsum("nc,ncd->d", off, given.terms) + pulled

    bounds = [(0.0, 10.0) if one else (None, None) for one in given.start]
    return np.asarray(minimize(loss, given.start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def losses(given: BlendTerms, label: Ints, weights: Floats) -> Floats:
    """Log loss [N] of each click."""
    chances = _chances(given.logits(weights))[np.arange(len(label)), label]
    return np.asarray(-np.log(np.maximum(chances, 1e-30)))


def _chances(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def judged(given: BlendTerms, label: Ints, began: Ints, visitor: Ints) -> BlendTrial:
    """Judge on successive parts of clicks [N], by when their sessions `began`, weights of the clicks before.

    `visitor` [N] are whose clicks they are.
    """
    cuts = np.quantile(began, np.arange(1, PARTS) / PARTS)
    part = np.searchsorted(cuts, began, side="right")
    shift = list(range(2, given.terms.shape[2]))
    ways = given.only([0, *shift]), given.only([1, *shift]), given
    known, found = part > 0, np.zeros((3, len(label)))
    for number in range(1, PARTS):
        before, now = part < number, part == number
        for way, one in enumerate(ways):
            weights = fitted(one.of(before), label[before])
            found[way, now] = losses(one.of(now), label[now], weights)
    gain = found[0] - found[2]
    by_part = tuple(
        float(gain[part == number].mean()) for number in range(1, PARTS) if (part == number).any()
    )
    network, trees, both = (float(way[known].mean()) for way in found)
    interval = clustered_interval(gain[known], visitor[known])
    return BlendTrial(network, trees, both, interval, by_part, int(known.sum()))


def clustered_interval(gain: Floats, visitor: Ints) -> tuple[float, float, float]:
    """Mean and 95% interval, of means over clicks that are dependent within a visitor."""
    mean = float(gain.mean())
    sums = np.bincount(np.unique(visitor, return_inverse=True)[1], gain - mean)
    width = _QUANTILE * float(np.sqrt((sums**2).sum())) / len(gain)
    return mean, mean - width, mean + width
