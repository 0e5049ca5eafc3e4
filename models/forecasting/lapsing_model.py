"""The probability that a visitor stays away, from frequency and recency of visits.

MBG/NBD (Batislam, Denizel, Filiztekin 2007; a variant of BG/NBD, Fader, Hardie, Lee 2005). Visits occur at a
rate that differs between visitors (gamma distributed). After each visit, the first included, a visitor is
lost with a probability that differs, too (beta distributed). Covariates move both (Fader, Hardie 2007).
Arrays in, arrays out; `trainer.forecasting.lapsing_training` fits the parameters.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.durations import DAY_MS
from models.state.visitor import Visitor

_CART, _PURCHASE = EVENT_CODES["add_to_cart"], EVENT_CODES["purchase"]
#: Fields of a visitor's record that are used; times in epoch ms, money in thousandths.
VISITS: Final = np.dtype(
    [
        (name, np.int64)
        for name in ("first", "last", "sessions", "clicks", "carts", "purchases", "orders", "spend", "cart")
    ]
)
#: Covariates.
TRAITS: Final = ("log clicks a session", "has used the cart", "has bought")


class LapsingParameters(msgspec.Struct, frozen=True):
    """Parameters: logarithms of gamma shape and rate (days) and of both beta parameters; effects of TRAITS.

    `coming` [3] are the effects on the rate of sessions, `leaving` [3] those on the probability to be lost
    after one.
    """

    shape: float
    rate: float
    lost: float
    kept: float
    coming: tuple[float, ...] = (0.0,) * len(TRAITS)
    leaving: tuple[float, ...] = (0.0,) * len(TRAITS)


def visits(visitors: Iterable[Visitor]) -> NDArray[np.void]:
    """The fields VISITS [N] of visitors' records."""
    return np.array([_row(visitor) for visitor in visitors], dtype=VISITS)


def _row(visitor: Visitor) -> tuple[int, ...]:
    counts, totals = visitor.counts, visitor.totals
    return (
        visitor.first_ts,
        visitor.last_ts,
        visitor.sessions,
        sum(counts) + sum(totals),
        counts[_CART] + totals[_CART],
        counts[_PURCHASE] + totals[_PURCHASE],
        visitor.orders,
        visitor.total_spend,
        visitor.cart_value,
    )


def returns(table: NDArray[np.void], at: int) -> tuple[NDArray[np.float64], ...]:
    """Frequency, recency and age, each [N]: days with a repeat visit (an upper bound), days from the first to
    the last visit, and days from the first visit to `at`.

    In whole UTC days: two sessions within an hour would suggest a rate that no visitor keeps.
    """
    first, last = table["first"] // DAY_MS, table["last"] // DAY_MS
    again = np.clip(table["sessions"] - 1, 0, last - first).astype(np.float64)
    recency = np.where(again > 0, last - first, 0).astype(np.float64)
    return again, recency, np.maximum(at // DAY_MS - first, recency)


def traits(table: NDArray[np.void]) -> NDArray[np.float64]:
    """The covariates TRAITS [N, 3]."""
    sessions = np.maximum(table["sessions"], 1)
    columns = np.log(np.maximum(table["clicks"], 1) / sessions), table["carts"] > 0, table["purchases"] > 0
    return np.stack(columns, axis=1).astype(np.float64)


def lapse_probability(
    habits: LapsingParameters, table: NDArray[np.void], at: int, days: float
) -> NDArray[np.float64]:
    """Probability [N] that a visitor does not come within `days` after `at` (epoch ms)."""
    again, recency, age = returns(table, at)
    known = traits(table)
    shape, kept = np.exp(habits.shape), np.exp(habits.kept)
    rate = np.exp(habits.rate - known @ np.array(habits.coming))
    left = habits.lost + known @ np.array(habits.leaving) - np.log(kept + again)
    odds = left + (shape + again) * np.log((rate + age) / (rate + recency))
    alive = 1 / (1 + np.exp(np.clip(odds, -500, 500)))
    stays_away = ((rate + age) / (rate + age + days)) ** (shape + again)
    return np.asarray(1 - alive * (1 - stays_away))
