"""Backtest of demand forecasts by rolling origin, beside simple methods, for items, categories and
the shop.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

from models.forecasting.demand_model import LEAST, Floats, Horizon, Panel, expected
from models.forecasting.stock import QUANTILES, DemandSpread, quantiles
from trainer.forecasting.demand_training import DemandError

Forecast = Callable[[Panel, int, Horizon], Floats]
LEVELS = ("item", "category", "shop")
#: Origins that are judged, one day apart; the spread is learned from as many origins before them.
ORIGINS = 7
#: Least history before an origin (days).
WARM_UP = 7
_WINDOW = 28
#: More than any number of pieces sold in one period.
_APART = 1 << 32
#: Smoothing of the size and of the probability of a sale (Teunter, Syntetos, Babai 2011).
_SIZE, _CHANCE = 0.1, 0.05


def seasonal_naive(panel: Panel, at: int, horizon: Horizon) -> Floats:
    """Demand of one season before: the same hour yesterday, the same weekday last week, or last week [I,
    steps].
    """
    if horizon.span > 1:
        return np.asarray(panel.counts[:, at - horizon.span : at].sum(1, dtype=np.float64)[:, None])
    ahead = np.arange(horizon.steps)
    return panel.counts[:, at - horizon.season + ahead % horizon.season].astype(np.float64)


def moving_average(panel: Panel, at: int, horizon: Horizon) -> Floats:
    """Mean demand of the last 28 days [I, steps]."""
    recent = panel.counts[:, max(0, at - _WINDOW * horizon.per_day) : at]
    return _flat(recent.mean(1, dtype=np.float64), horizon)


def tsb(panel: Panel, at: int, horizon: Horizon) -> Floats:
    """Forecast for intermittent demand: size and probability of a sale, each smoothed (Teunter, Syntetos,
    Babai 2011).
    """
    chance, size = np.zeros(len(panel.items)), np.zeros(len(panel.items))
    for cell in range(at):
        sold = panel.counts[:, cell]
        there = sold > 0
        chance += _CHANCE * (there - chance)
        size = np.where(there, np.where(size > 0, size + _SIZE * (sold - size), sold), size)
    return _flat(chance * size, horizon)


def _flat(rate: Floats, horizon: Horizon) -> Floats:
    return np.repeat(rate[:, None] * horizon.span, horizon.steps, axis=1)


#: The first is the served method. To add a method, add one entry.
METHODS: dict[str, Forecast] = {
    "shrinkage": expected,
    "seasonal_naive": seasonal_naive,
    "moving_average": moving_average,
    "tsb": tsb,
}


class DemandFigures(NamedTuple):
    """Predicted means and pieces sold of one level: [N] each, over items (or groups), origins and steps."""

    mean: Floats
    sold: Floats


def outcomes(panel: Panel, method: Forecast, horizon: Horizon, origins: range) -> dict[str, DemandFigures]:
    """Predictions and pieces sold by level, over all origins; an item counts from the first origin after its
    first event.
    """
    parts: dict[str, list[DemandFigures]] = {level: [] for level in LEVELS}
    for at in origins:
        there = panel.known < at
        length = horizon.steps * horizon.span
        cells = panel.counts[there, at : at + length].astype(np.float64)
        sold = cells.reshape(-1, horizon.steps, horizon.span).sum(2)
        mean = method(panel, at, horizon)[there]
        for level in LEVELS:
            parts[level].append(_summed(mean, sold, level, panel.category[there]))
    return {
        level: DemandFigures(*map(np.concatenate, zip(*collected, strict=True)))
        for level, collected in parts.items()
    }


def _summed(mean: Floats, sold: Floats, level: str, category: NDArray[np.int64]) -> DemandFigures:
    return DemandFigures(*(summed(values, level, category).ravel() for values in (mean, sold)))


def summed(values: Floats, level: str, category: NDArray[np.int64]) -> Floats:
    """Values of items [I, S] summed to a level: [I, S], [categories, S] or [1, S]."""
    if level == "item":
        return values
    group = category if level == "category" else np.zeros_like(category)
    sums = np.zeros((int(group.max(initial=0)) + 1, values.shape[1]))
    np.add.at(sums, group, values)
    return sums


def learn_spread(judged: DemandFigures) -> DemandSpread:
    """Maximum-likelihood dispersion of pieces sold around the predicted means."""
    # Most rows are equal, since few items sell; means within 2% are merged to speed up the fit.
    steps = np.round(np.log(np.maximum(judged.mean, LEAST)) * 50)
    _, first, times = np.unique(steps * _APART + judged.sold, return_index=True, return_counts=True)
    mean, sold = np.exp(steps[first] / 50), judged.sold[first]

    def loss(point: Floats) -> float:
        shape = DemandSpread(*point).shape(mean)
        log_likelihoods = gammaln(sold + shape) - gammaln(shape) + shape * np.log(shape / (shape + mean))
        prior = (point[0] ** 2 + (point[1] - 0.5) ** 2) / 18
        likely = times @ (log_likelihoods + sold * np.log(mean / (shape + mean)))
        return float((prior - likely) / times.sum())

    return DemandSpread(*minimize(loss, [0.0, 0.5], method="Nelder-Mead").x.tolist())


def spreads(panel: Panel, method: Forecast, horizon: Horizon) -> dict[str, DemandSpread]:
    """Dispersion by level, from the latest origins whose outcomes are known at the end of the panel."""
    origins = _origins(panel, horizon, 0)
    return {
        level: learn_spread(outcome) for level, outcome in outcomes(panel, method, horizon, origins).items()
    }


def judge(panel: Panel, horizon: Horizon) -> dict[str, Any]:
    """Figures by level and method on the newest origins; the dispersion of each method is learned from the
    origins before them.
    """
    judged, before = _origins(panel, horizon, 0), _origins(panel, horizon, 1)
    report: dict[str, Any] = {level: {} for level in LEVELS}
    for name, method in METHODS.items():
        learned = outcomes(panel, method, horizon, before)
        for level, outcome in outcomes(panel, method, horizon, judged).items():
            report[level][name] = figures(outcome, learn_spread(learned[level]))
    return report


def _origins(panel: Panel, horizon: Horizon, back: int) -> range:
    """The last ORIGINS midnights whose periods end before the panel does; with `back`, before the first of
    those.
    """
    length = horizon.steps * horizon.span
    last = panel.counts.shape[1] - length
    if back:
        last = _origins(panel, horizon, 0)[0] - length
    day = horizon.per_day
    last = last // day * day
    first = max(last - (ORIGINS - 1) * day, WARM_UP * day)
    if last < WARM_UP * day:
        days = panel.counts.shape[1] / day
        raise DemandError(f"{days:.0f} days of history: expected at least {WARM_UP} and two horizons")
    return range(first, last + 1, day)


def figures(judged: DemandFigures, spread: DemandSpread) -> dict[str, float]:
    """WAPE of mean and median, bias, mean pinball loss of QUANTILES, and the share of outcomes at or below
    the upper quantile.
    """
    mean, sold = judged
    predicted = quantiles(mean, spread)
    apart = sold[:, None] - predicted
    shares = np.array(QUANTILES)
    loss = np.maximum(shares * apart, (shares - 1) * apart).mean(0)
    total = max(float(sold.sum()), LEAST)
    return {
        "wape": float(np.abs(sold - mean).sum()) / total,
        "wape_of_median": float(np.abs(sold - predicted[:, 1]).sum()) / total,
        "bias": float(mean.sum()) / total,
        "pinball": float(loss.mean()),
        "below_upper": float((apart[:, -1] <= 0).mean()),
        "zeros": float((sold == 0).mean()),
        "n": len(sold),
    }
