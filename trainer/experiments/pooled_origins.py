"""Purchase intent pooled over the periods of a backtest: what serves, beside each baseline.

All judged clicks of all periods are ranked together by their probabilities. Intervals resample visitors, with
the same draws for what serves and for a baseline. With several seeds, figures are means over networks.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from trainer.evaluation.bootstrap import Area, Resamples, by_session, interval, resampled
from trainer.evaluation.evaluation_report import CLICKS
from trainer.examples.examples import Examples
from trainer.gate.gate_figures import Difference

Chances = NDArray[np.float32]
#: Name of what serves.
SERVES = "neural"


class Period(NamedTuple):
    """The judged clicks [N] of the period after one origin."""

    bought: NDArray[np.bool_]
    visitor: NDArray[np.int64]
    session: NDArray[np.int64]
    position: NDArray[np.int32]

    @classmethod
    def of(cls, grouped: Examples) -> "Period":
        """Those of clicks grouped by session."""
        chosen = grouped.judged
        columns = grouped.buys, grouped.visitor, grouped.session, grouped.position
        return cls(*(column[chosen] for column in columns))  # type: ignore[arg-type]


class PeriodAnswers(NamedTuple):
    """A method's purchase probabilities [N] of a period's judged clicks; `seed` as in `OriginTrial`."""

    origin: int
    seed: int | None
    method: str
    chances: Chances


class Calibration(NamedTuple):
    """A method's calibration on one period."""

    ece: float
    top_decile_ece: float
    slope: float


class PooledLead(NamedTuple):
    """By how much what serves is ahead of a baseline, with paired 95% intervals over visitors."""

    auc: Difference
    average_precision: Difference


class PooledMethod(NamedTuple):
    """A method over all periods: by click and by session, its calibration by period, and the lead of what
    serves over all clicks and by click index; None and empty for what serves itself.
    """

    areas: Area
    session_areas: Area
    calibration: list[Calibration]
    lead: PooledLead | None
    by_click: dict[str, PooledLead]


def pooled(periods: Sequence[Period], answered: Iterable[PeriodAnswers]) -> dict[str, PooledMethod]:
    """Each method that has answered every period, what serves first."""
    runs: dict[str, dict[int | None, dict[int, Chances]]] = {}
    for one in answered:
        runs.setdefault(one.method, {}).setdefault(one.seed, {})[one.origin] = one.chances
    whole = {
        method: [[by_origin[at] for at in range(len(periods))] for by_origin in seeds.values()]
        for method, seeds in runs.items()
        if all(len(by_origin) == len(periods) for by_origin in seeds.values())
    }
    if SERVES not in whole:
        return {}
    clicks = Period(*(np.concatenate(columns) for columns in zip(*periods, strict=True)))
    judge = _Judge(clicks, [np.concatenate(seed) for seed in whole[SERVES]])
    return {
        method: PooledMethod(
            *judge.areas([np.concatenate(seed) for seed in seeds]),
            [_calibration(period, [seed[at] for seed in seeds]) for at, period in enumerate(periods)],
            *judge.leads(None if method == SERVES else [np.concatenate(seed) for seed in seeds]),
        )
        for method, seeds in whole.items()
    }


class _Judge:
    """Compares methods with what serves, on the clicks of all periods."""

    def __init__(self, clicks: Period, serves: list[Chances]) -> None:
        self._clicks, self._serves = clicks, serves
        draws = resampled(clicks.visitor)
        everything = np.ones(len(clicks.bought), dtype=bool)
        self._every = everything, draws, _drawn(serves, clicks.bought, draws)
        self._places = {}
        for at in CLICKS:
            there = clicks.position == at
            if clicks.bought[there].any():
                part = draws.part(there)
                own = [one[there] for one in serves]
                self._places[str(at)] = there, part, _drawn(own, clicks.bought[there], part)

    def areas(self, runs: list[Chances]) -> tuple[Area, Area]:
        """By click and by session, means over runs."""
        bought, session = self._clicks.bought, self._clicks.session
        return _mean_area(runs, bought), _mean([by_session(one, bought, session) for one in runs])

    def leads(self, others: list[Chances] | None) -> tuple[PooledLead | None, dict[str, PooledLead]]:
        """The lead over all clicks, and by click index."""
        if others is None:
            return None, {}
        by_click = {at: self._lead(others, *place) for at, place in self._places.items()}
        return self._lead(others, *self._every), by_click

    def _lead(
        self,
        others: list[Chances],
        there: NDArray[np.bool_],
        draws: Resamples,
        own: NDArray[np.float64],
    ) -> PooledLead:
        bought, theirs = self._clicks.bought[there], [one[there] for one in others]
        ahead = np.subtract(
            _mean_area([one[there] for one in self._serves], bought), _mean_area(theirs, bought)
        )
        apart = own - _drawn(theirs, bought, draws)
        return PooledLead(*(Difference(float(ahead[at]), *interval(apart[:, at])) for at in range(2)))


def _drawn(runs: list[Chances], bought: NDArray[np.bool_], draws: Resamples) -> NDArray[np.float64]:
    """AUC and average precision in each draw [RESAMPLES, 2], means over runs."""
    return np.asarray(np.mean([draws.areas(one, bought) for one in runs], axis=0))


def _mean_area(runs: list[Chances], bought: NDArray[np.bool_]) -> Area:
    return _mean(
        [
            Area(quality_metrics.auc(one, bought), quality_metrics.average_precision(one, bought))
            for one in runs
        ]
    )


def _mean(areas: list[Area]) -> Area:
    return Area(*map(float, np.mean(areas, axis=0)))


def _calibration(period: Period, runs: list[Chances]) -> Calibration:
    figures = [
        (
            quality_metrics.calibration_error(one, period.bought),
            quality_metrics.top_decile_error(one, period.bought),
            quality_metrics.calibration_slope(one, period.bought),
        )
        for one in runs
    ]
    return Calibration(*map(float, np.mean(figures, axis=0)))
