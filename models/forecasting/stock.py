"""The distribution of demand around its mean, days of cover, and reorder hints."""

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
        """The shape parameter of each mean; an array of the means' shape."""
        return np.exp(np.clip(self.level + self.slope * np.log(np.maximum(mean, LEAST)), -12, 12))


def quantiles(
    mean: Floats, spread: DemandSpread, wanted: tuple[float, ...] = QUANTILES, periods: float = 1.0
) -> Floats:
    """Quantiles [..., Q] of demand around means [...]: whole numbers, ascending.

    With `periods`, the demand is the sum over that many independent periods. Means are rounded to 1% first,
    so that a million of them need a few hundred root searches.
    """
    logs = np.round(np.log(np.maximum(mean, LEAST)), 2)
    found, inverse = np.unique(logs, return_inverse=True)
    means = np.exp(found)
    shape = spread.shape(means)
    chance = shape / (shape + means)
    table = np.stack([nbinom.ppf(share, shape * periods, chance) for share in wanted], axis=-1)
    return np.asarray(table[inverse].reshape(*mean.shape, len(wanted)))


class Stock(NamedTuple):
    """Days of cover at the expected and at the upper (0.9) demand, reorder point and order; each [I].

    `order` is 0 where the stock is above `point`, NaN where the stock is unknown.
    """

    cover: Floats
    cautious_cover: Floats
    point: Floats
    order: Floats


def stock_hints(stock: Floats, weekly: Floats, spread: DemandSpread, supply: Supply) -> Stock:
    """Hints from pieces in stock [I] (NaN: unknown) and the mean demand of the next week [I] with its spread.

    The reorder point is the `service` quantile of demand over lead time and review period. An order fills the
    stock up to the reorder point plus the expected demand of one review period ((R, s, S) policy; Silver,
    Pyke, Thomas 2017, ch. 6).
    """
    upper = quantiles(weekly, spread, (QUANTILES[-1],))[..., 0]
    weeks = (supply.lead_days + supply.review_days) / WEEK
    point = quantiles(weekly, spread, (supply.service,), weeks)[..., 0]
    up_to = np.ceil(point + weekly * supply.review_days / WEEK)
    order = np.where(stock <= point, up_to - stock, 0.0)
    return Stock(_cover(stock, weekly), _cover(stock, upper), point, np.where(np.isnan(stock), np.nan, order))


def _cover(stock: Floats, weekly: Floats) -> Floats:
    """Days of cover; infinite where no demand is expected."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(stock == 0, 0.0, np.where(weekly > 0, stock / (weekly / WEEK), np.inf) + 0 * stock)
