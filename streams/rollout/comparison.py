"""Figures of a comparison: two versions score the same clicks."""

import time
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics as judged
from models.contract.updates import Comparison, Side
from models.features.batch import Batch
from models.registry.versions import Version
from models.scoring.scores import Scores
from streams.rollout.outcomes import Outcomes

#: Timings kept for the percentiles.
TIMINGS = 2_000


@dataclass
class VersionComparison:
    """The figures of one challenger so far; `said` has both purchase probabilities of every click."""

    challenger: Version
    incumbent: Version
    wanted: int
    said: list[NDArray[np.float32]] = field(default_factory=list)
    scored: int = 0
    shared: float = 0.0
    first: int = 0
    outcomes: Outcomes = field(default_factory=Outcomes)
    spent: tuple[deque[float], deque[float]] = field(
        default_factory=lambda: (deque(maxlen=TIMINGS), deque(maxlen=TIMINGS))
    )

    def comparison(self) -> Comparison:
        """The figures as published."""
        said = np.concatenate(self.said, 1) if self.said else np.zeros((2, 0), dtype=np.float32)
        known = self.outcomes.known
        scored = max(1, self.scored)
        sides = [
            _side(version.id, known[:, number], known[:, 2] > 0, self.spent[number])
            for number, version in enumerate((self.incumbent, self.challenger))
        ]
        return Comparison(
            wanted=self.wanted,
            scored=self.scored,
            batches=len(self.said),
            correlation=_correlation(said),
            difference=_rounded(np.abs(said[0] - said[1]).mean()) if self.scored else 0.0,
            items_shared=_rounded(self.shared / scored),
            first_shared=_rounded(self.first / scored),
            outcomes=len(known),
            bought=int(known[:, 2].sum()),
            incumbent=sides[0],
            challenger=sides[1],
        )

    def score(self, batch: Batch) -> tuple[NDArray[np.float32], float]:
        """Both probabilities of each click [2, N] and the seconds spent; versions take turns to go first."""
        both, order = (self.incumbent, self.challenger), (0, 1) if len(self.said) % 2 else (1, 0)
        times, scores = [time.perf_counter()], dict[int, Scores]()
        for number in order:
            scores[number] = both[number].neural.score(batch)
            times.append(time.perf_counter())
        for number, (start, end) in zip(order, pairwise(times), strict=True):
            self.spent[number].append(end - start)
        said = np.stack([scores[0].purchase, scores[1].purchase])
        self.said.append(said)
        self.scored += len(batch)
        self._compare_items(scores[0], scores[1])
        return said, times[-1] - times[0]

    def _compare_items(self, ours: Scores, theirs: Scores) -> None:
        for mine, other in zip(ours.item_ids(), theirs.item_ids(), strict=True):
            self.shared += len(set(mine) & set(other)) / max(1, len(mine), len(other))
            self.first += mine[:1] == other[:1]


def _side(version: str, said: NDArray[np.float32], bought: NDArray[np.bool_], spent: deque[float]) -> Side:
    some = bool(len(said))
    p50, p99 = np.quantile(np.array(spent or [0.0]), [0.5, 0.99]).tolist()
    return Side(
        version=version,
        mean=_rounded(said.mean()) if some else 0.0,
        average_precision=_rounded(judged.average_precision(said, bought)) if bought.any() else 0.0,
        brier=_rounded(judged.brier(said, bought)) if some else 0.0,
        calibration_error=_rounded(judged.calibration_error(said, bought)) if some else 0.0,
        ms_p50=round(1000 * p50, 3),
        ms_p99=round(1000 * p99, 3),
    )


def _correlation(said: NDArray[np.float32]) -> float:
    """Pearson's correlation; 0 where one side is constant."""
    if said.shape[1] < 2 or (said.std(1) == 0).any():
        return 0.0
    ours, theirs = said.astype(np.float64) - said.mean(1, keepdims=True, dtype=np.float64)
    return _rounded((ours * theirs).sum() / np.sqrt((ours**2).sum() * (theirs**2).sum()))


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 6)
