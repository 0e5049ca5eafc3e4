"""Estimators of a policy's value from logged decisions: each as a sum over decisions, so that one resampling
serves them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.importance_weights import clipped, effective_size, shrunk, switched
from trainer.off_policy.shrinkage_choice import Candidate, by_estimated_error

Floats = NDArray[np.float64]
#: Quantiles of the weights among which clipping, switching and shrinkage choose their strength.
_QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Evidence:
    """What estimators read of `n` decisions.

    weights: of the logged actions [n]. reward [n]. expected: the reward model's mean reward of the logged
    action [n]. expected_policy: that of the policy, over its actions [n].
    """

    weights: Floats
    reward: Floats
    expected: Floats
    expected_policy: Floats

    @cached_property
    def residual(self) -> Floats:
        """What the reward model did not foresee, [n]."""
        return self.reward - self.expected

    def part(self, chosen: NDArray[np.bool_]) -> "Evidence":
        """That of some of the decisions."""
        names = ("weights", "reward", "expected", "expected_policy")
        return Evidence(*(getattr(self, name)[chosen] for name in names))


@dataclass(frozen=True)
class Terms:
    """An estimate is `sum(numerator) / sum(denominator)`, over decisions [n].

    `weights` are those that it used, of which the effective sample size is; None: it used none.
    `strength` is the chosen clipping, switching or shrinkage; None: it has none, infinity: no effect.
    """

    numerator: Floats
    denominator: Floats
    weights: Floats | None
    strength: float | None = None

    @property
    def value(self) -> float:
        """The estimate; NaN where nothing overlaps."""
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total else float("nan")

    @property
    def is_biased(self) -> bool:
        """Whether it leaves out weights, so that an interval around it leaves out a bias."""
        return self.weights is None or (self.strength is not None and bool(np.isfinite(self.strength)))

    @property
    def effective(self) -> float:
        """Effective sample size: that of the weights, or the count of decisions for a model alone."""
        return float(len(self.numerator)) if self.weights is None else effective_size(self.weights)

    def part(self, chosen: NDArray[np.bool_]) -> "Terms":
        """Those of some of the decisions, with the strength that all of them chose."""
        weights = None if self.weights is None else self.weights[chosen]
        return Terms(self.numerator[chosen], self.denominator[chosen], weights, self.strength)


Estimator = Callable[[Evidence], Terms]


def direct(given: Evidence) -> Terms:
    """DM: the reward model's mean reward under the policy. No variance of weights; as wrong as the model."""
    return _mean(given.expected_policy, None)


def weighted(given: Evidence) -> Terms:
    """IPS (Horvitz, Thompson 1952): unbiased if propensities are right; its variance grows with weights."""
    return _mean(given.weights * given.reward, given.weights)


def self_normalised(given: Evidence) -> Terms:
    """SNIPS (Swaminathan, Joachims 2015): weights sum to 1; adding a constant to rewards adds it here."""
    return Terms(given.weights * given.reward, given.weights, given.weights)


def doubly_robust(given: Evidence) -> Terms:
    """DR (Dudik et al. 2014): the model, corrected by weighted residuals; right if either is right."""
    return _mean(given.expected_policy + given.weights * given.residual, given.weights)


def clipped_with(most: float) -> Estimator:
    """IPS with weights of at most `most` (Ionides 2008): less variance, biased towards 0."""
    return lambda given: _mean(
        clipped(given.weights, most) * given.reward, clipped(given.weights, most), most
    )


def switched_with(most: float) -> Estimator:
    """Switch-DR (Wang, Agarwal, Dudik 2017): where the weight exceeds `most`, the model alone."""
    return lambda given: _corrected(given, switched(given.weights, most), most)


def shrunk_with(strength: float) -> Estimator:
    """DRos (Su et al. 2020): DR with weights that `shrunk` makes smaller; 0 is DM, infinity is DR."""
    return lambda given: _corrected(given, shrunk(given.weights, strength), strength)


def clipped_by_choice(given: Evidence) -> Terms:
    """IPS with clipping, at the most with the least estimated error."""
    return _chosen(given, given.reward, clipped_with, _limits(given.weights))


def switched_by_choice(given: Evidence) -> Terms:
    """Switch-DR at the weight with the least estimated error (Su et al. 2020)."""
    return _chosen(given, given.residual, switched_with, _limits(given.weights))


def shrunk_by_choice(given: Evidence) -> Terms:
    """DRos at the strength with the least estimated error (Su et al. 2020)."""
    limits = [limit**2 for limit in _limits(given.weights)]
    return _chosen(given, given.residual, shrunk_with, limits)


#: Estimators of one step by the name that reports give them.
ESTIMATORS: Final[Mapping[str, Estimator]] = {
    "dm": direct,
    "ips": weighted,
    "ips_clipped": clipped_by_choice,
    "snips": self_normalised,
    "dr": doubly_robust,
    "switch_dr": switched_by_choice,
    "dros": shrunk_by_choice,
}


def _mean(values: Floats, weights: Floats | None, strength: float | None = None) -> Terms:
    return Terms(values, np.ones_like(values), weights, strength)


def _corrected(given: Evidence, weights: Floats, strength: float) -> Terms:
    return _mean(given.expected_policy + weights * given.residual, weights, strength)


def _limits(weights: Floats) -> list[float]:
    """Weights to choose among, the largest last: that one changes no weight."""
    positive = weights[weights > 0]
    if not len(positive):
        return [float("inf")]
    limits = np.unique(np.quantile(positive, _QUANTILES))
    return [*(float(limit) for limit in limits if limit < positive.max()), float("inf")]


def _chosen(
    given: Evidence, target: Floats, with_strength: Callable[[float], Estimator], strengths: list[float]
) -> Terms:
    """`target` is what weights multiply: rewards, or what the model did not foresee."""
    made = [with_strength(strength)(given) for strength in strengths]
    used = [given.weights if one.weights is None else one.weights for one in made]
    left_out = [(given.weights - weights) * target for weights in used]
    candidates = [Candidate(one.numerator, rest) for one, rest in zip(made, left_out, strict=True)]
    return made[by_estimated_error(candidates)]
