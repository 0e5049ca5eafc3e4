"""A chunk's answers from the highest rung that is there and in time."""

import time
from dataclasses import dataclass

import numpy as np

from models import ladder
from models.batching import Batch
from models.popularity import Popularity
from models.predictions import Rung
from models.scores import RUNGS, Scores
from models.versions import Version
from streams.deadline import Deadline

#: Decimals of published item scores: they only rank.
SCORE_DECIMALS = 5


@dataclass(slots=True)
class Scored:
    """Answers by click: probability, item ids and their scores (best first), rung; hidden states by slot."""

    purchase: list[float]
    items: list[list[str]]
    scores: list[list[float]]
    rungs: list[Rung]
    hidden: list[bytes]


NOTHING = Scored([], [], [], [], [])


def popular(batch: Batch, popularity: Popularity) -> Scored:
    """The popular rung's answers, for visitors about whom nothing may be used."""
    if not len(batch):
        return NOTHING
    return _listed(popularity.score(batch))


def climb(
    batch: Batch, version: Version | None, popularity: Popularity, deadline: Deadline, fetched_at: float
) -> Scored:
    """Answers from the neural rung, or from below it where there is no model or no time.

    `fetched_at` is on the monotonic clock.
    """
    if not len(batch):
        return NOTHING
    if version is not None and deadline.allows(Rung.NEURAL, len(batch), time.monotonic() - fetched_at):
        started = time.monotonic()
        scores = ladder.neural(version, batch)
        if scores is not None:
            deadline.measured(Rung.NEURAL, len(batch), time.monotonic() - started)
            return _listed(scores)
    return _listed(_fallback(batch, version, popularity, deadline, fetched_at))


def _fallback(
    batch: Batch, version: Version | None, popularity: Popularity, deadline: Deadline, fetched_at: float
) -> Scores:
    spent = time.monotonic() - fetched_at
    if version is None or not deadline.allows(Rung.SESSION_KNN, len(batch), spent):
        return ladder.fallback(batch, popularity)
    started = time.monotonic()
    scores = ladder.fallback(batch, popularity, version.neighbours)
    deadline.measured(Rung.SESSION_KNN, len(batch), time.monotonic() - started)
    return scores


def _listed(scores: Scores) -> Scored:
    rounded = np.round(scores.item_scores.astype(np.float64), SCORE_DECIMALS)
    rungs = [RUNGS[number] for number in scores.rung.tolist()]
    return Scored(scores.purchase.tolist(), scores.item_ids(), rounded.tolist(), rungs, scores.hidden_bytes())
