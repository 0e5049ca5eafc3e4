"""Training and judging of the lapsing model: who comes back, from visitors' records alone."""

from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from models import quality_metrics
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits
from models.durations import DAY_MS
from models.errors import PathcastError
from models.forecasting.lapsing_model import (
    TRAITS,
    LapsingParameters,
    lapse_probability,
    returns,
    traits,
    visits,
)
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import Visitor
from trainer.evaluation.bootstrap import interval, resampled
from trainer.logs.log_replay import SLICE, records

#: Most visitors to train on, evenly drawn: more of them change the parameters by less than their standard
#: error.
SAMPLE = 30_000
LEAST_VISITORS, LEAST_RETURNED = 50, 10
_START = np.log([0.5, 1.0, 1.0, 1.0])
#: Standard deviations of the Gaussian priors of the parameters (around the start) and of the effects.
_WIDE, _NARROW = 3.0, 1.0


class LapsingError(PathcastError):
    """There are too few visitors to estimate who will not come back."""


def learn(table: NDArray[np.void], at: int) -> LapsingParameters:
    """Maximum a posteriori parameters given VISITS [N] as of `at` (epoch ms).

    Raises LapsingError if there are too few visitors or too few of them came again.
    """
    came_again = int((returns(table, at)[0] > 0).sum())
    if len(table) < LEAST_VISITORS or came_again < LEAST_RETURNED:
        raise LapsingError(
            f"the state knows {len(table):,} visitors of whom {came_again:,} came again on another day: "
            f"at least {LEAST_VISITORS} and {LEAST_RETURNED} are needed; wait for more clicks"
        )
    drawn = table[np.linspace(0, len(table) - 1, min(SAMPLE, len(table))).astype(np.int64)]
    data = [torch.from_numpy(column) for column in (*returns(drawn, at), traits(drawn))]
    start = np.append(_START, np.zeros(2 * len(TRAITS)))

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        point = torch.tensor(values, requires_grad=True)
        value = -_log_posterior(point, *data)
        value.backward()  # type: ignore[no-untyped-call]
        assert point.grad is not None
        return value.item(), point.grad.numpy()

    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-9, 9)] * len(start)).x.tolist()
    shape, rate, lost_after, kept, *effects = best
    coming, leaving = effects[: len(TRAITS)], effects[len(TRAITS) :]
    return LapsingParameters(shape, rate, lost_after, kept, tuple(coming), tuple(leaving))


def _log_posterior(point: Tensor, again: Tensor, recency: Tensor, age: Tensor, known: Tensor) -> Tensor:
    """Mean log posterior over visitors; each either stays or was lost after the last session."""
    shape, kept = point[0].exp(), point[3].exp()
    rate = (point[1] - known @ point[4 : 4 + len(TRAITS)]).exp()
    left = (point[2] + known @ point[4 + len(TRAITS) :]).exp()
    common = torch.lgamma(shape + again) - torch.lgamma(shape) + shape * rate.log() - _beta(left, kept)
    stay = _beta(left, kept + again + 1) - (shape + again) * (rate + age).log()
    gone = _beta(left + 1, kept + again) - (shape + again) * (rate + recency).log()
    prior = ((point[:4] - torch.from_numpy(_START)) / _WIDE).square().sum()
    prior = (prior + (point[4:] / _NARROW).square().sum()) / (2 * len(again))
    return (common + torch.logaddexp(stay, gone)).mean() - prior


def _beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


def state_at(log: pl.LazyFrame, config: SessionConfig) -> dict[str, Visitor]:
    """Every visitor's record after the log's clicks, by the worker's own session step."""
    decoder, visitors, watermark = Decoder(Limits(check_skew=False), Catalogue()), dict[str, Visitor](), 0
    for part in log.sort("ts", maintain_order=True).collect().iter_slices(SLICE):
        for click in decoder.decode(records(part)):
            if isinstance(click, Click):
                watermark = max(watermark, click.ts)
                visitors[click.visitor_id], _ = step(visitors.get(click.visitor_id), click, watermark, config)
    return visitors


def judge(log: pl.LazyFrame, at: int, days: float, absent: tuple[float, float]) -> dict[str, Any]:
    """Train on the clicks before `at` and compare with the visitors who came within `days` after it.

    For visitors absent for a number of days in the range `absent`: AUC of staying away, average precision of
    coming back and calibration, beside ordering by days of absence alone; 95% intervals by bootstrap. Raises
    LapsingError.
    """
    every = state_at(log.filter(pl.col("ts") < at), SessionConfig())
    known = {name: visitor for name, visitor in every.items() if not visitor.denied}
    later = log.filter((pl.col("ts") >= at) & (pl.col("ts") < at + days * DAY_MS))
    came = set(later.select("visitor_id").unique().collect().to_series().to_list())
    table = visits(known.values())
    habits = learn(table, at)
    away = (at - table["last"]) / DAY_MS
    asked = (away >= absent[0]) & (away < absent[1])
    stayed = np.array([name not in came for name in known], dtype=bool)
    if not 0 < int(stayed[asked].sum()) < int(asked.sum()):
        raise LapsingError(
            f"of {int(asked.sum()):,} visitors absent for {absent[0]:g} to {absent[1]:g} days, "
            f"{int(stayed[asked].sum()):,} stayed away: both kinds are needed; choose another --cutoff"
        )
    again = asked & (returns(table, at)[0] > 0)
    scores = lapse_probability(habits, table, at, days).astype(np.float32), away.astype(np.float32)
    return {
        "all": _figures(scores, stayed, asked),
        "came_again": _figures(scores, stayed, again),
        "habits": {name: getattr(habits, name) for name in habits.__struct_fields__},
    }


def _figures(
    scores: tuple[NDArray[np.float32], NDArray[np.float32]],
    stayed: NDArray[np.bool_],
    asked: NDArray[np.bool_],
) -> dict[str, Any]:
    chance, away, labels = scores[0][asked], scores[1][asked], stayed[asked]
    draws = resampled(np.arange(len(labels)))
    apart = draws.areas(chance, labels)[:, 0] - draws.areas(away, labels)[:, 0]
    return {
        "n": len(labels),
        "came_back": float(1 - labels.mean()),
        "expected_back": float(1 - chance.mean()),
        "auc": quality_metrics.auc(chance, labels),
        "average_precision_back": quality_metrics.average_precision(-chance, ~labels),
        "ece": quality_metrics.calibration_error(chance, labels),
        "calibration_slope": quality_metrics.calibration_slope(chance, labels),
        "recency": {
            "auc": quality_metrics.auc(away, labels),
            "average_precision_back": quality_metrics.average_precision(-away, ~labels),
        },
        "auc_ahead_of_recency": interval(apart),
    }
