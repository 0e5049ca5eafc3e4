"""A chunk's answers from the highest rung that is there and in time."""

import time
from dataclasses import dataclass
from typing import Protocol

from models import ladder
from models.batching import Batch
from models.popularity import Popularity
from models.predictions import Rung
from models.scores import RUNGS, Scores
from models.versions import Version
from streams.deadline import Deadline
from streams.listing import Listing


class Counts(Protocol):
    """A partition's memory, as far as the lower rungs need it."""

    @property
    def popularity(self) -> Popularity:
        """Brought up to date when it is asked for, which the neural rung does not do."""
        ...


@dataclass(slots=True)
class Scored:
    """Answers by click: probability, items as JSON (best first), rung; hidden states by slot."""

    purchase: list[float]
    items: list[bytes]
    rungs: list[Rung]
    hidden: list[bytes]


NOTHING = Scored([], [], [], [])
_listing = Listing()


def popular(batch: Batch, memory: Counts) -> Scored:
    """The popular rung's answers, for visitors about whom nothing may be used."""
    if not len(batch):
        return NOTHING
    return _listed(memory.popularity.score(batch))


def climb(
    batch: Batch, version: Version | None, memory: Counts, deadline: Deadline, fetched_at: float
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
    return _listed(_fallback(batch, version, memory, deadline, fetched_at))


def _fallback(
    batch: Batch, version: Version | None, memory: Counts, deadline: Deadline, fetched_at: float
) -> Scores:
    spent = time.monotonic() - fetched_at
    if version is None or not deadline.allows(Rung.SESSION_KNN, len(batch), spent):
        return ladder.fallback(batch, memory.popularity)
    started = time.monotonic()
    scores = ladder.fallback(batch, memory.popularity, version.neighbours)
    deadline.measured(Rung.SESSION_KNN, len(batch), time.monotonic() - started)
    return scores


def _listed(scores: Scores) -> Scored:
    rungs = [RUNGS[number] for number in scores.rung.tolist()]
    return Scored(scores.purchase.tolist(), _listing.lists(scores), rungs, scores.hidden_bytes())
