"""Intervals of estimates: by bootstrap over visitors, of the normal distribution, by empirical Bernstein."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.estimators import Terms
from trainer.off_policy.resampling_units import Units

Floats = NDArray[np.float64]
#: Draws of a bootstrap: enough for the third digit of a percentile.
DRAWS: Final = 2000


class Estimate(Protocol):
    """An estimate that can be resampled."""

    @property
    def value(self) -> float:
        """The estimate; NaN where nothing overlaps."""
        ...

    def drawn(self, units: Units) -> Floats:
        """The estimate in each of DRAWS resamples of units, float64 [DRAWS]."""
        ...

    def influence(self, units: Units) -> Floats:
        """What each unit adds, scaled so that the mean over units is the estimate, float64 [count]."""
        ...


@dataclass(frozen=True)
class Single:
    """The estimate of one estimator for one policy."""

    terms: Terms

    @property
    def value(self) -> float:
        """See `Estimate`."""
        return self.terms.value

    def drawn(self, units: Units) -> Floats:
        """See `Estimate`."""
        above, below = units.sums(self.terms.numerator), units.sums(self.terms.denominator)
        with np.errstate(divide="ignore", invalid="ignore"):
            blocks = [counts @ above / (counts @ below) for counts in units.draws(DRAWS)]
        drawn: Floats = np.concatenate(blocks)
        return drawn

    def influence(self, units: Units) -> Floats:
        """See `Estimate`; a ratio is linearised."""
        total = float(self.terms.denominator.sum())
        apart = units.sums(self.terms.numerator - self.value * self.terms.denominator)
        return self.value + apart * units.count / total


@dataclass(frozen=True)
class PairedDifference:
    """The estimate for one policy less that for another, on the same decisions."""

    first: Single
    second: Single

    @property
    def value(self) -> float:
        """See `Estimate`."""
        return self.first.value - self.second.value

    def drawn(self, units: Units) -> Floats:
        """See `Estimate`; both are resampled together."""
        return self.first.drawn(units) - self.second.drawn(units)

    def influence(self, units: Units) -> Floats:
        """See `Estimate`."""
        return self.first.influence(units) - self.second.influence(units)


@dataclass(frozen=True)
class IntervalBounds:
    """`low` and `high` hold the true value in a share of `level` of the logs; NaN where nothing overlaps."""

    low: float
    high: float
    level: float


def _unknown(level: float) -> IntervalBounds:
    return IntervalBounds(float("nan"), float("nan"), level)


def bootstrap(estimate: Estimate, units: Units, level: float) -> IntervalBounds:
    """Percentiles of DRAWS resamples of units (Efron 1979; of visitors: Field, Welsh 2007).

    The reward model and a chosen strength stay as they are.
    """
    drawn = estimate.drawn(units)
    known = drawn[np.isfinite(drawn)]
    if not len(known) or units.count < 2:
        return _unknown(level)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return IntervalBounds(float(low), float(high), level)


def studentised(estimate: Estimate, units: Units, level: float) -> IntervalBounds:
    """Bootstrap of the estimate in units of its standard error (Efron, Tibshirani 1993, section 12.5).

    Where few large weights carry an estimate, a low one has a small standard error as well; these bounds
    allow for that, so they are wider, and not symmetric. A ratio is linearised.
    """
    if not np.isfinite(estimate.value) or units.count < 2:
        return _unknown(level)
    values = estimate.influence(units)
    error = float(values.std()) / np.sqrt(units.count)
    blocks = [_scores(counts / units.count, values, units.count) for counts in units.draws(DRAWS)]
    scores = np.concatenate(blocks)
    scores = scores[np.isfinite(scores)]
    if not len(scores) or error == 0:
        return IntervalBounds(estimate.value, estimate.value, level)
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return IntervalBounds(estimate.value - float(high) * error, estimate.value - float(low) * error, level)


def _scores(shares: Floats, values: Floats, count: int) -> Floats:
    """How many standard errors each resample is away from the estimate."""
    apart = values - values.mean()
    mean, square = shares @ apart, shares @ apart**2
    with np.errstate(divide="ignore", invalid="ignore"):
        scores: Floats = mean / np.sqrt((square - mean**2) / count)
    return scores


def normal(estimate: Estimate, units: Units, level: float) -> IntervalBounds:
    """Mean and standard error of what units add; a ratio is linearised."""
    if not np.isfinite(estimate.value) or units.count < 2:
        return _unknown(level)
    error = float(estimate.influence(units).std(ddof=1)) / np.sqrt(units.count)
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return IntervalBounds(estimate.value - reach, estimate.value + reach, level)


def bernstein(estimate: Estimate, units: Units, level: float) -> IntervalBounds:
    """Empirical Bernstein bounds (Maurer, Pontil 2009, theorem 4), for both sides together.

    They hold for every count of decisions where what a unit adds lies in a known range. The range used is
    that which was seen, so rarer and larger weights than those of the log are not covered; of a ratio
    (SNIPS) the linearised terms are bounded, which holds for large logs only.
    """
    count = units.count
    if not np.isfinite(estimate.value) or count < 2:
        return _unknown(level)
    values = estimate.influence(units)
    spread = max(float(values.max()), 0.0) - min(float(values.min()), 0.0)
    log = float(np.log(4 / (1 - level)))
    reach = np.sqrt(2 * values.var(ddof=1) * log / count) + 7 * spread * log / (3 * (count - 1))
    return IntervalBounds(estimate.value - float(reach), estimate.value + float(reach), level)


Maker = Callable[[Estimate, Units, float], IntervalBounds]
INTERVALS: Final[Mapping[str, Maker]] = {
    "bootstrap": bootstrap,
    "studentised": studentised,
    "normal": normal,
    "bernstein": bernstein,
}
