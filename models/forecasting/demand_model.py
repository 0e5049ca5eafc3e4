"""Expected demand of items, most of which sell rarely, in the coming periods.

An item's rate is its exponentially weighted past demand, shrunk to the mean of its category (gamma-Poisson
shrinkage, Clayton and Kaldor 1987), times the shop's trend, weekday and hour factors. Means of items add up
to those of categories and of the shop; `models.forecasting.stock` has their distributions. Arrays in, arrays
out.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.durations import DAY_MS, HOUR_MS
from models.forecasting.planning import HORIZONS as HORIZONS
from models.forecasting.planning import WEEK
from models.forecasting.planning import Horizon as Horizon

Floats = NDArray[np.float64]
#: The weekday of the epoch, a Thursday; Monday is 0.
_EPOCH_WEEKDAY: Final = 3
#: Least mean, so that means have logarithms.
LEAST: Final = 1e-6


@dataclass(frozen=True)
class Panel:
    """Demand `counts` float32 [I, T] of items by time cell; cell 0 starts at `start` (epoch ms).

    `category` int64 [I] are indices into `categories`; `known` int64 [I] is the first cell in which an item
    exists.
    """

    items: list[str]
    categories: list[str]
    category: NDArray[np.int64]
    known: NDArray[np.int64]
    counts: NDArray[np.float32]
    start: int


class DemandSettings(NamedTuple):
    """Settings, chosen on a log's validation days.

    `window`: days of history for prior and trend. `half_life` of an item's past demand, in days. `strength`:
    weight of the prior, in days. `trend`: exponent of the trend.
    """

    window: int = 28
    half_life: float = 60.0
    strength: float = 3.0
    trend: float = 0.5


USUAL: Final = DemandSettings()


def expected(panel: Panel, at: int, horizon: Horizon, settings: DemandSettings = USUAL) -> Floats:
    """Mean demand [I, steps] of the periods from cell `at` on, from the cells before it."""
    days = min(settings.window, at / horizon.per_day)
    rates = _rates(panel, at, horizon, settings)
    prior = _prior(panel, at, horizon, settings)
    rate = (rates * days + prior * settings.strength) / (days + settings.strength)
    cells = at + np.arange(horizon.steps * horizon.span).reshape(horizon.steps, horizon.span)
    shape = calendar(panel, at, horizon)(cells).sum(1)
    scale = _trend(panel, at, horizon, settings) / horizon.per_day
    return np.asarray(np.outer(rate * scale, shape))


def _rates(panel: Panel, at: int, horizon: Horizon, settings: DemandSettings) -> Floats:
    """Exponentially weighted demand a day [I]."""
    ago = np.arange(at, 0, -1) / horizon.per_day
    weights = (0.5 ** (ago / settings.half_life)).astype(np.float32)
    faded = (panel.counts[:, :at] @ (weights / weights.sum())).astype(np.float64)
    return np.asarray(faded * horizon.per_day)


def _prior(panel: Panel, at: int, horizon: Horizon, settings: DemandSettings) -> Floats:
    """Prior demand a day [I]: the mean of the average item of the category and that of the shop."""
    recent = panel.counts[:, max(0, at - settings.window * horizon.per_day) : at]
    sold = recent.sum(1, dtype=np.float64) / max(recent.shape[1], 1) * horizon.per_day
    there = panel.known < at
    count = len(panel.categories)
    items = np.bincount(panel.category[there], minlength=count)
    by_category = np.bincount(panel.category, sold, minlength=count) / np.maximum(items, 1)
    return np.asarray((by_category[panel.category] + sold.sum() / max(there.sum(), 1)) / 2)


def _trend(panel: Panel, at: int, horizon: Horizon, settings: DemandSettings) -> float:
    """The shop's demand of the last week over that of the window, to the power `trend`."""
    week, window = (_daily(panel, at, horizon, days) for days in (WEEK, settings.window))
    return float((max(week, LEAST) / max(window, LEAST)) ** settings.trend)


def _daily(panel: Panel, at: int, horizon: Horizon, days: int) -> float:
    recent = panel.counts[:, max(0, at - days * horizon.per_day) : at]
    return float(recent.sum(dtype=np.float64) / max(recent.shape[1], 1) * horizon.per_day)


class Calendar(NamedTuple):
    """Demand factors, about 1, of each weekday [7] and hour [24] (UTC)."""

    start: int
    cell_ms: int
    weekday: Floats
    hour: Floats

    def __call__(self, cells: NDArray[np.int64]) -> Floats:
        """The factor of each cell."""
        weekdays, hours = _when(self.start + cells * self.cell_ms)
        return np.asarray(self.weekday[weekdays] * self.hour[hours])


def calendar(panel: Panel, at: int, horizon: Horizon) -> Calendar:
    """Factors from the shop's cells before `at`; each is shrunk to 1 with the weight of two average days."""
    shop = panel.counts[:, :at].sum(0, dtype=np.float64)
    weekdays, hours = _when(panel.start + np.arange(at) * horizon.cell_ms)
    weekday = _factors(shop, weekdays, WEEK, 2 * horizon.per_day)
    hour = np.ones(24) if horizon.per_day == 1 else _factors(shop, hours, 24, 2)
    return Calendar(panel.start, horizon.cell_ms, weekday, hour)


def _when(ts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return (ts // DAY_MS + _EPOCH_WEEKDAY) % WEEK, ts // HOUR_MS % 24


def _factors(shop: Floats, kind: NDArray[np.int64], kinds: int, weight: float) -> Floats:
    mean = max(float(shop.mean()) if len(shop) else 0.0, LEAST)
    sums, seen = np.bincount(kind, shop, minlength=kinds), np.bincount(kind, minlength=kinds)
    return np.asarray((sums + weight * mean) / ((seen + weight) * mean))
