"""Prequential evaluation: test each block of clicks, then train on it (Dawid 1984; Gama et al. 2013, "On
evaluating stream learning algorithms").

The log is replayed in blocks. Four ways to keep a model up to date are compared: never, by retraining at
intervals, by incremental updates, and by both.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.durations import DAY_MS, HOUR_MS
from models.registry.registry import Parts
from models.sessions.lifecycle import SessionConfig
from trainer.defaults import PrequentialPlan as PrequentialPlan
from trainer.evaluation.evaluate import answers, tiers
from trainer.evaluation.holdout import Holdout
from trainer.examples.examples import Examples, ExamplesError
from trainer.examples.split import split
from trainer.fitting.fit import Report
from trainer.gate.gate_figures import Contestant, Difference, intent, next_item
from trainer.loop.options import Options
from trainer.training.adapt import ended, incremental_update
from trainer.training.build import build
from trainer.training.log_parts import SHARES

#: Way -> (is retrained, gets incremental updates).
WAYS = {
    "frozen": (False, False),
    "retrained": (True, False),
    "adapted": (False, True),
    "both": (True, True),
}


class Week(NamedTuple):
    """One week's clicks (number 0: all weeks), the figures of each way, and its lead over the
    frozen model.
    """

    number: int
    clicks: int
    buyers: int
    figures: dict[str, dict[str, float]]
    ahead: dict[str, dict[str, Difference]]


class Answered(NamedTuple):
    """The answers of one way to clicks [N], by index in the log."""

    purchase: NDArray[np.float32]
    ranks: NDArray[np.int64]


@dataclass
class Replay:
    """The replay of a log: the current model of each way, and the answers so far."""

    examples: Examples
    plan: PrequentialPlan
    options: Options
    report: Report
    serving: dict[str, Parts] = field(default_factory=dict)
    answers: dict[str, Answered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Labels of the further heads come from later days: a network trained on them could reveal those days.
        self.options = replace(self.options, heads_weight=0.0)
        count = len(self.examples)
        self.answers = {
            way: Answered(np.full(count, np.nan, np.float32), np.zeros(count, np.int64)) for way in WAYS
        }
        self._first = int(self.examples.ts.min()) + int(self.plan.initial_days * DAY_MS)
        self._began = self.examples.began

    def run(self) -> Iterator[int]:
        """Train, then answer and train block by block; yields the time (epoch ms) up to which the log was
        replayed.

        Raises ExamplesError if there is too little to begin with.
        """
        self._train(self._first)
        yield self._first
        trained = updated = self._first
        for start in range(self._first, int(self.examples.ts.max()), int(self.plan.adapt_hours * HOUR_MS)):
            end = start + int(self.plan.adapt_hours * HOUR_MS)
            self._answer(start, end)
            updated = self._adapt(updated, end)
            if end - trained >= self.plan.retrain_days * DAY_MS:
                self._train(end)
                trained = end
            yield end

    def weeks(self) -> list[Week]:
        """The figures of each week, and of all weeks as week 0. Raises ExamplesError if no session was
        answered.
        """
        done = ~np.isnan(self.answers["frozen"].purchase)
        if not done.any():
            raise ExamplesError("no session began after the days to learn from; give fewer, or a longer log")
        numbers = 1 + (self._began - self._first) // (7 * DAY_MS)
        return [
            self._week(0, done),
            *(self._week(int(n), done & (numbers == n)) for n in np.unique(numbers[done])),
        ]

    def _known(self, now: int) -> Examples:
        return ended(self.examples.part(self.examples.ts <= now), now, SessionConfig().gap_ms)

    def _train(self, now: int) -> None:
        """One training for all ways that are retrained; the first training is for all ways."""
        learned, valid = split(self._known(now), SHARES)
        parts = build(learned, valid, self.options, self.report)
        self.serving |= {way: parts for way, (anew, _) in WAYS.items() if anew or not self.serving}

    def _adapt(self, since: int, now: int) -> int:
        """Update the ways with incremental updates on the sessions that ended since the last update; returns
        the time up to which sessions were used.
        """
        gap, known = SessionConfig().gap_ms, self._known(now)
        old = np.unique(ended(known, since, gap).session)
        recent = known.part(~np.isin(known.session, old))
        if len(recent) < self.plan.step.min_clicks:
            return since
        for way, (_, steps) in WAYS.items():
            if steps:
                self.serving[way] = incremental_update(
                    self.serving[way], recent, known, self.options, self.plan.step
                )
        return now

    def _answer(self, start: int, end: int) -> None:
        """Answer all sessions that began in the block with the current models; ways with the same model share
        answers.
        """
        places = np.flatnonzero((self._began >= start) & (self._began < end))
        places = places[np.argsort(self.examples.session[places], kind="stable")]
        if not len(places):
            return
        by_parts = {
            id(parts): answers(tiers(parts)["neural"], self.examples.part(places))
            for parts in self.serving.values()
        }
        for way, parts in self.serving.items():
            answered = by_parts[id(parts)]
            self.answers[way].purchase[places] = answered.purchase
            self.answers[way].ranks[places] = answered.ranks

    def _week(self, number: int, chosen: NDArray[np.bool_]) -> Week:
        newest = Holdout(self.examples.part(chosen))
        met = {way: _contestant(answered, chosen, newest) for way, answered in self.answers.items()}
        ahead = {way: one.against(met["frozen"]) for way, one in met.items() if way != "frozen"}
        figures = {way: one.figures for way, one in met.items()}
        return Week(number, len(newest.clicks), newest.buyers, figures, ahead)


def _contestant(answered: Answered, chosen: NDArray[np.bool_], newest: Holdout) -> Contestant:
    bought, items = intent(answered.purchase[chosen], newest), next_item(answered.ranks[chosen], newest)
    return replace(bought, figures=bought.figures | items.figures, draws=bought.draws | items.draws)
