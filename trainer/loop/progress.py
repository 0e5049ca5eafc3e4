"""What a training run tells while it lasts, and what stays of it: the curve of its epochs."""

from collections.abc import Callable, Sequence
from math import isnan, nan
from typing import NamedTuple


class Progress(NamedTuple):
    """After a batch: where the run is, and how good the last whole epoch was on validation.

    `done` is the share of the stage that is over, by epochs or by time, whichever is nearer to its end.
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
        """Whether validation has said anything yet: not in a first epoch, and nothing where there is none."""
        return not isnan(self.next_loss)


Report = Callable[[Progress], None]


def begins(step: str) -> Progress:
    """What is told when something begins that has no epochs, such as the trees: there are 0 batches."""
    return Progress(0, 0, 0, nan, nan, nan, 1.0, step)


class Point(NamedTuple):
    """One epoch of the curve: mean loss of its batches, then validation (NaN where there is none)."""

    stage: str
    epoch: int
    loss: float
    next_loss: float
    auc: float


#: The stage in which all heads learn.
STAGE = "training"


def score(next_loss: float, auc: float) -> float:
    """What is to become smallest: a point of AUC is worth as much as .03 of the next item's loss."""
    return next_loss - 3 * auc


def best(curve: Sequence[Point]) -> Point:
    """The epoch whose weights are kept: the best, or the last one where nothing could be judged."""
    every = [point for point in curve if point.stage == STAGE]
    judged = [point for point in every if not isnan(score(point.next_loss, point.auc))]
    return min(judged, key=lambda at: score(at.next_loss, at.auc)) if judged else every[-1]
