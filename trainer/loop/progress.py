"""Reports of a training run while it lasts, and its learning curve."""

from collections.abc import Callable, Sequence
from math import isnan, nan
from typing import NamedTuple


class Progress(NamedTuple):
    """Report after a batch: where the run is, and the validation of the last whole epoch.

    `done` is the finished share of the stage, by epochs or by time, whichever is larger. NaN: not known yet.
    """

    epoch: int
    batch: int
    batches: int
    loss: float
    auc: float
    next_loss: float
    done: float
    stage: str = "training"

    @property
    def judged(self) -> bool:
        """Whether there has been a validation: not in a first epoch, and never without validation data."""
        return not isnan(self.next_loss)


Report = Callable[[Progress], None]


def begins(step: str) -> Progress:
    """The report at the start of a step without epochs, such as the trees: it has 0 batches."""
    return Progress(0, 0, 0, nan, nan, nan, 1.0, step)


class Point(NamedTuple):
    """One epoch of the curve: mean loss of its batches, then validation (NaN without one)."""

    stage: str
    epoch: int
    loss: float
    next_loss: float
    auc: float


#: Name of the stage that trains all heads.
STAGE = "training"


def score(next_loss: float, auc: float) -> float:
    """The score to minimise: .01 of AUC counts as much as .03 of the loss of the next item."""
    return next_loss - 3 * auc


def best(curve: Sequence[Point]) -> Point:
    """The epoch whose weights are kept: the best by validation, or the last one without validation."""
    every = [point for point in curve if point.stage == STAGE]
    judged = [point for point in every if not isnan(score(point.next_loss, point.auc))]
    return min(judged, key=lambda at: score(at.next_loss, at.auc)) if judged else every[-1]
