"""How far demand spreads around its mean, how long the stock lasts, and when to order."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom

from models.forecasting.demand_model import LEAST
from models.forecasting.planning import WEEK
from models.forecasting.planning import Supply as Supply

Floats = NDArray[np.float64]
QUANTILES: Final = (0.1, 0.5, 0.9)


class DemandSpread(NamedTuple):
    """Negative binomial around a mean m: shape exp(level + slope * log m), variance m + m² / shape."""

    level: float
    slope: float

    def shape(self, mean: Floats) -> Floats:
        """Of each mean, in the mean's own shape."""
        return np.exp(np.clip(self.level + self.slope * np.log(np.maximum(mean, LEAST)), -12, 12))


def quantiles(
    mean: Floats, spread: DemandSpread, wanted: tuple[float, ...] = QUANTILES, periods: float = 1.0
) -> Floats:
    """Quantiles [..., Q] of demand around means [...]: whole numbers, ascending.

    With `periods`, of the sum over so many independent periods like the one that the mean is of. Means are
    rounded to 1% first, so that a million of them need a few hundred root searches.
    """
    logs = np.round(np.log(np.maximum(mean, LEAST)), 2)
    found, inverse = np.unique(logs, return_inverse=True)
    means = np.exp(found)
    shape = spread.shape(means)
    chance = shape / (shape + means)
    table = np.stack([nbinom.ppf(share, shape * periods, chance) for share in wanted], axis=-1)
    return np.asarray(table[inverse].reshape(*mean.shape, len(wanted)))


class Stock(NamedTuple):
    """Days the stock lasts at the expected and at the upper (0.9) demand, and the hint; each [I].

    `order` is 0 where the stock is above `point`, NaN where there is no stock figure.
    """

    cover: Floats
    cautious_cover: Floats
    point: Floats
    order: Floats


def stock_hints(stock: Floats, weekly: Floats, spread: DemandSpread, supply: Supply) -> Stock:
    """From pieces in stock [I] (NaN: unknown) and the next week's mean demand [I] with its spread.

    Reorder point: the `service` quantile of demand over lead time and review period; ordered are the pieces
    up to it and the expected demand of one review period ((R, s, S); Silver, Pyke, Thomas 2017, ch. 6).
    """
    upper = quantiles(weekly, spread, (QUANTILES[-1],))[..., 0]
    weeks = (supply.lead_days + supply.review_days) / WEEK
    point = quantiles(weekly, spread, (supply.service,), weeks)[..., 0]
    up_to = np.ceil(point + weekly * supply.review_days / WEEK)
    order = np.where(stock <= point, up_to - stock, 0.0)
    return Stock(_cover(stock, weekly), _cover(stock, upper), point, np.where(np.isnan(stock), np.nan, order))


def _cover(stock: Floats, weekly: Floats) -> Floats:
    """Days; infinite where nothing is expected to be bought."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(stock == 0, 0.0, np.where(weekly > 0, stock / (weekly / WEEK), np.inf) + 0 * stock)
