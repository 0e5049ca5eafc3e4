"""Who answers when: neural, else session kNN, else popular in category, else popular."""

from dataclasses import replace

import numpy as np

from models.batching import Batch
from models.neighbours import NeighbourScorer
from models.popularity import Popularity
from models.scores import Scores, ScoringError
from models.versions import Version


def neural(version: Version | None, batch: Batch) -> Scores | None:
    """The top rung's answers, None where there is no model or it failed: then `fallback` answers."""
    if version is None:
        return None
    try:
        return version.neural.score(batch)
    except ScoringError:
        return None


def fallback(batch: Batch, popularity: Popularity, neighbours: NeighbourScorer | None = None) -> Scores:
    """Answers from below the neural rung, click by click from the highest rung that has one.

    Leave `neighbours` out where there is no model, or no time for it.
    """
    popular = popularity.score(batch)
    if neighbours is None:
        return popular
    return _over(neighbours.score(batch), popular)


def _over(upper: Scores, lower: Scores) -> Scores:
    """`upper` where it has any item, else `lower`; names of both side by side."""
    empty = upper.items[:, :1] < 0
    shifted = np.where(lower.items < 0, -1, lower.items + len(upper.names)).astype(np.int32)
    return replace(
        upper,
        items=np.where(empty, shifted, upper.items),
        item_scores=np.where(empty, lower.item_scores, upper.item_scores),
        names=np.concatenate([upper.names, lower.names]),
        rung=np.where(empty[:, 0], lower.rung, upper.rung),
    )
