"""Figures of each contestant on the same clicks: quality, calibration, coverage, speed and size."""

import time
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.registry.versions import Version
from models.scoring.scores import TOP, Scorer
from trainer.baselines import Baselines
from trainer.evaluation.bootstrap import by_session, interval
from trainer.evaluation.evaluate import Answers, answers
from trainer.evaluation.holdout import Holdout

#: Figures that decide: purchase intent in this session, and the next item.
DECIDING = ("average_precision", "recall_20")
#: Clicks in the chunk whose scoring is timed, and number of timings.
CHUNK, ROUNDS = 256, 15


class Difference(NamedTuple):
    """Lead in a figure, and its 95% interval over resampled visitors."""

    ahead: float
    low: float
    high: float


@dataclass(frozen=True)
class Contestant:
    """A scorer's figures and answers on a slice. `draws` has its deciding figures [RESAMPLES] by name."""

    figures: dict[str, float]
    draws: dict[str, NDArray[np.float64]]
    purchase: NDArray[np.float32]

    def against(self, other: "Contestant") -> dict[str, Difference]:
        """Paired differences in the deciding figures that both contestants have."""
        differences = {}
        for name in (name for name in DECIDING if name in self.draws and name in other.draws):
            low, high = interval(self.draws[name] - other.draws[name])
            differences[name] = Difference(self.figures[name] - other.figures[name], low, high)
        return differences


def contestant(scorer: Scorer, newest: Holdout, known: int) -> Contestant:
    """Figures and answers of a scorer whose vocabulary has `known` items."""
    answered = answers(scorer, newest.clicks)
    bought, next_items = intent(answered.purchase, newest), next_item(answered.ranks, newest)
    figures = next_items.figures | {"coverage": _coverage(answered, known, len(newest.clicks))}
    return Contestant(bought.figures | figures, bought.draws | next_items.draws, answered.purchase)


def next_item(ranks: NDArray[np.int64], newest: Holdout) -> Contestant:
    """Figures of the ranks [N] of the next items; 0 is a miss."""
    wanted = newest.wanted
    recall, mrr = quality_metrics.at_ranks(ranks[wanted])
    draws = {"recall_20": newest.draws.part(wanted).means((ranks[wanted] > 0).astype(np.float64))}
    return Contestant({"recall_20": recall, "mrr_20": mrr}, draws, np.zeros(0, np.float32))


def intent(chances: NDArray[np.float32], newest: Holdout) -> Contestant:
    """Figures of purchase probabilities [N]."""
    judged = newest.judged
    scores, labels = chances[judged], newest.clicks.buys[judged]
    draws = {"average_precision": newest.draws.part(judged).areas(scores, labels)[:, 1]}
    sessions = by_session(scores, labels, newest.clicks.session[judged])
    figures = {
        "average_precision": quality_metrics.average_precision(scores, labels),
        "auc": quality_metrics.auc(scores, labels),
        "brier": quality_metrics.brier(scores, labels) if len(scores) else 0.0,
        "ece": quality_metrics.calibration_error(scores, labels),
        "session_average_precision": sessions.average_precision,
        "session_auc": sessions.auc,
    }
    return Contestant(figures, draws, chances)


def tiers_and_baselines(version: Version, newest: Holdout) -> dict[str, Contestant]:
    """The tiers that would answer without the network, and the baselines stored with the version."""
    known = len(version.vocabulary.ids)
    contestants = {
        "session_knn": contestant(version.neighbours, newest, known),
        "popular_in_category": contestant(version.prior, newest, known),
    }
    learned = Baselines(version.baselines).predict(newest.clicks) if version.baselines else {}
    return contestants | {name: intent(chances, newest) for name, chances in learned.items()}


def microseconds(scorers: list[Scorer], newest: Holdout) -> list[float]:
    """Median time for one click of a chunk for each scorer; they take turns, so that other load affects all
    alike.
    """
    batch = newest.clicks.part(np.arange(min(CHUNK, len(newest.clicks)))).batch()
    taken: list[list[float]] = [[] for _ in scorers]
    for _ in range(ROUNDS):
        for scorer, times in zip(scorers, taken, strict=True):
            began = time.perf_counter()
            scorer.score(batch)
            times.append(1e6 * (time.perf_counter() - began) / len(batch))
    return [median(times) for times in taken]


def megabytes(version: Version) -> float:
    """Size of a version's own files."""
    return sum(path.stat().st_size for path in version.path.iterdir() if path.is_file()) / 1e6


def _coverage(answered: Answers, known: int, clicks: int) -> float:
    listed = np.unique(answered.items[answered.items >= 0])
    return len(listed) / max(1, min(known, TOP * clicks))
