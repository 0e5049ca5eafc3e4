"""Intervals for the difference of two means that may be looked at after every visitor.

An ordinary 95% interval is right at one sample size that was chosen in advance. Whoever looks repeatedly and
stops at a success is wrong far more often. The intervals here hold at all sample sizes together:

- `always_valid`: the mixture sequential probability ratio test with a normal mixture (Johari, Pekelis, Walsh
  2017, "Always valid inference"), as asymptotic confidence sequence with estimated variances (Waudby-Smith,
  Arbour, Sinha, Kennedy, Ramdas 2021, "Time-uniform central limit theory and asymptotic confidence
  sequences"). For any outcomes with a variance; exact in the limit.
- `bounded_means`: the predictable plug-in empirical Bernstein sequence (Waudby-Smith, Ramdas 2020,
  "Estimating means of bounded random variables by betting"; the empirical Bernstein supermartingale is from
  Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences").
  For outcomes in [0, 1]; holds at any sample size, and is wider.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Fewest visitors in each arm before `always_valid` says anything: variances must be known first.
LEAST: Final = 100
#: Fewest visitors in each arm whose outcome is not 0. With fewer, the normal approximation is poor.
LEAST_NONZERO: Final = 20


class OutcomeSummary(NamedTuple):
    """Number, mean, variance, and number of outcomes other than 0, of one arm; scalars or [t, ...]."""

    number: Floats
    mean: Floats
    variance: Floats
    nonzero: Floats


class MeanDifference(NamedTuple):
    """A difference of means with its interval and its always-valid p-value; scalars or [t, ...].

    Before there are enough visitors, the interval is infinite and the p-value 1.
    """

    estimate: Floats
    low: Floats
    high: Floats
    p_value: Floats


def summarise(outcomes: Floats) -> OutcomeSummary:
    """Of all outcomes of an arm."""
    count = len(outcomes)
    spread = outcomes.var(ddof=1) if count > 1 else 0.0
    mean = outcomes.mean() if count else 0.0
    values = (float(count), mean, spread, float(np.count_nonzero(outcomes)))
    return OutcomeSummary(*(np.float64(value) for value in values))  # type: ignore[arg-type]


def running(outcomes: Floats, member: NDArray[np.bool_]) -> OutcomeSummary:
    """After each visitor in order, along the first axis; `member` are those of the arm."""
    values = np.where(member, outcomes, 0.0)
    count, total, squares, nonzero = (
        np.cumsum(one, axis=0, dtype=np.float64) for one in (member, values, values**2, values != 0)
    )
    mean = total / np.maximum(count, 1)
    variance = np.maximum(squares - count * mean**2, 0) / np.maximum(count - 1, 1)
    return OutcomeSummary(count, mean, variance, nonzero)


def always_valid(
    one: OutcomeSummary, other: OutcomeSummary, planned: int, alpha: float = 0.05
) -> MeanDifference:
    """The mean of `one` minus the mean of `other`, with an interval of level 1 - `alpha` at all times.

    `planned` is the number of visitors of both arms together at which the interval is to be narrowest; it
    changes widths, not validity. Raises ValueError for levels outside (0, 1).
    """
    _check(alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = one.variance / one.number + other.variance / other.number
    ready = _ready(one) & _ready(other) & (variance > 0)
    count = one.number + other.number
    return _at_all_times(one.mean - other.mean, np.where(ready, variance, 1.0), ready, count, planned, alpha)


def always_valid_mean(of: OutcomeSummary, planned: int, alpha: float = 0.05) -> MeanDifference:
    """The mean of one group of visitors, as `always_valid`. Raises ValueError for levels outside (0, 1)."""
    _check(alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = of.variance / of.number
    ready = _ready(of) & (variance > 0)
    return _at_all_times(of.mean, np.where(ready, variance, 1.0), ready, of.number, planned, alpha)


def _check(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha}; expected between 0 and 1; 0.05 gives intervals of 95%")


def _at_all_times(
    estimate: Floats, variance: Floats, ready: NDArray[np.bool_], count: Floats, planned: int, alpha: float
) -> MeanDifference:
    """The interval of an estimate with this variance; infinite where it is not `ready`."""
    gain = np.where(ready, 1 + _information(count, planned, alpha), 2.0)
    width = np.sqrt(variance * gain / (gain - 1) * (np.log(gain) - 2 * np.log(alpha)))
    with np.errstate(over="ignore"):
        evidence = np.exp(estimate**2 / variance * (gain - 1) / gain / 2) / np.sqrt(gain)
    p_value = np.where(ready, 1 / np.maximum(evidence, 1.0), 1.0)
    if p_value.ndim:
        p_value = np.minimum.accumulate(p_value)
    width = np.where(ready, width, np.inf)
    return MeanDifference(estimate, estimate - width, estimate + width, p_value)


def _ready(arm: OutcomeSummary) -> NDArray[np.bool_]:
    return np.asarray((arm.number >= LEAST) & (arm.nonzero >= LEAST_NONZERO))


def _information(count: Floats, planned: int, alpha: float) -> Floats:
    """The mixture's variance over the estimate's: it makes the interval narrowest at `planned` visitors."""
    best = -2 * np.log(alpha)
    return np.asarray(count / planned * (best + np.log(best) + 1))


def bounded_means(outcomes: Floats, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Lower and upper bounds [t] of the mean of outcomes in [0, 1], of level 1 - `alpha` at all times.

    Raises ValueError for outcomes outside [0, 1].
    """
    if len(outcomes) and not (outcomes.min() >= 0 and outcomes.max() <= 1):
        raise ValueError(f"outcomes from {outcomes.min()} to {outcomes.max()}; expected 0 to 1; divide them")
    times = np.arange(1, len(outcomes) + 1)
    means = (0.5 + np.cumsum(outcomes)) / (times + 1)
    before = np.append(0.5, means[:-1])
    spread = (0.25 + np.cumsum((outcomes - means) ** 2)) / (times + 1)
    known = np.append(0.25, spread[:-1])
    bets = np.minimum(np.sqrt(2 * np.log(2 / alpha) / (known * times * np.log(1 + times))), 0.5)
    cost = (outcomes - before) ** 2 * (-np.log1p(-bets) - bets)
    total = np.cumsum(bets)
    centre = np.cumsum(bets * outcomes) / total
    width = (np.log(2 / alpha) + np.cumsum(cost)) / total
    low, high = np.maximum(centre - width, 0), np.minimum(centre + width, 1)
    return np.maximum.accumulate(low), np.minimum.accumulate(high)
