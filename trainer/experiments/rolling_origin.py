"""Backtest by rolling origin (Tashman 2000): train on everything before an origin, judge on the period after
it.

The end of the log is divided into periods, and each begins at an origin. Every judgement is of the future,
and the result does not depend on the one week that happens to be last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mean, pstdev
from typing import Any, NamedTuple

import numpy as np

from models import quality_metrics
from trainer.baselines import Baselines
from trainer.evaluation.evaluate import answers, compared, tiers
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.experiments.pooled_origins import SERVES, Chances, Period, PeriodAnswers, PooledMethod, pooled
from trainer.fitting.fit import Report
from trainer.loop.options import Options
from trainer.training.build import build
from trainer.training.log_parts import SHARES
from trainer.training.refit import REFIT

#: Share of the clicks before the first origin.
BEFORE = 0.5
#: Figures reported for each method, as far as it has them.
FIGURES = ("auc", "average_precision", "recall_20", "mrr_20")


class OriginTrial(NamedTuple):
    """A method's figures on the period after one origin; `seed` is None for a deterministic method.

    `chances` [N] are its purchase probabilities of the judged clicks of the `period`.
    """

    origin: int
    seed: int | None
    method: str
    figures: dict[str, float]
    period: Period
    chances: Chances

    def told(self) -> dict[str, Any]:
        """The trial without its arrays."""
        return {"origin": self.origin, "seed": self.seed, "method": self.method, "figures": self.figures}


class OriginSpread(NamedTuple):
    """A figure's mean over origins and seeds, its standard deviation over origins, and that over seeds at the
    same origin (averaged over origins).
    """

    mean: float
    over_origins: float
    over_seeds: float


def periods(examples: Examples, count: int) -> Iterator[tuple[Examples, Examples]]:
    """For each of `count` origins, the clicks before it and those of the period after it. Raises
    ExamplesError if there are too few clicks.
    """
    parts = split(examples, (BEFORE, *[(1 - BEFORE) / count] * count))
    for number in range(1, count + 1):
        began = {int(session) for part in parts[:number] for session in np.unique(part.session)}
        yield examples.part(np.isin(examples.session, sorted(began))), parts[number]


def trials(
    examples: Examples,
    count: int,
    seeds: Sequence[int],
    options: Options,
    report: Report,
    baselines: bool = True,
) -> Iterator[OriginTrial]:
    """Train and judge at each origin: the serving tiers with every seed, and the `baselines` once."""
    for origin, (before, after) in enumerate(periods(examples, count)):
        learned, valid = split(before, SHARES)
        grouped = after.grouped()
        period = Period.of(grouped)
        for seed in seeds:
            parts = build(learned, valid, replace(options, seed=seed), report)
            for name, scorer in tiers(parts).items():
                # Only the network depends on the seed.
                if name == SERVES or seed == seeds[0]:
                    answered = answers(scorer, grouped)
                    figures = compared(answered, grouped)._asdict()
                    chances = answered.purchase[grouped.judged]
                    yield OriginTrial(
                        origin, seed if name == SERVES else None, name, figures, period, chances
                    )
        if baselines:
            baseline_models = Baselines.learn(learned, valid)
            known = baseline_models.refit(before) if REFIT in parts.metrics else baseline_models
            for name, chances in known.predict(grouped).items():
                yield _baseline(origin, name, chances[grouped.judged], period)


def _baseline(origin: int, name: str, chances: Chances, period: Period) -> OriginTrial:
    labels = period.bought
    areas = quality_metrics.auc(chances, labels), quality_metrics.average_precision(chances, labels)
    return OriginTrial(origin, None, name, dict(zip(FIGURES, areas, strict=False)), period, chances)


def pooled_trials(results: Sequence[OriginTrial]) -> dict[str, PooledMethod]:
    """Purchase intent of each method over all periods."""
    periods = {trial.origin: trial.period for trial in results}
    answered = (PeriodAnswers(trial.origin, trial.seed, trial.method, trial.chances) for trial in results)
    return pooled([periods[origin] for origin in sorted(periods)], answered)


def spreads(results: Sequence[OriginTrial]) -> dict[str, dict[str, OriginSpread]]:
    """Method -> figure -> its mean and variation."""
    methods = dict.fromkeys(trial.method for trial in results)
    return {method: _spread([trial for trial in results if trial.method == method]) for method in methods}


def _spread(results: Sequence[OriginTrial]) -> dict[str, OriginSpread]:
    origins = sorted({trial.origin for trial in results})
    figures_spread = {}
    for name in (name for name in FIGURES if name in results[0].figures):
        by_origin = [[trial.figures[name] for trial in results if trial.origin == at] for at in origins]
        means, within = [mean(values) for values in by_origin], [pstdev(values) for values in by_origin]
        figures_spread[name] = OriginSpread(mean(means), pstdev(means), mean(within))
    return figures_spread
