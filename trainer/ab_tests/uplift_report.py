"""Whether to treat at all: uplift of all arms over the hold-out, by segment and by learned predictions."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import HOLD_OUT
from trainer.ab_tests.experiment_visitors import Visitors
from trainer.ab_tests.sequential import always_valid, summarise
from trainer.ab_tests.uplift import FOLDS, dr_learner, t_learner
from trainer.ab_tests.uplift_curves import Curves, curves

#: Fewest visitors of either group for which uplifts are learned.
LEAST_LEARNED: Final = 50 * FOLDS
LEARNERS: Final = {"T-learner": t_learner(), "DR-learner": dr_learner()}


class SegmentFigures(msgspec.Struct, frozen=True):
    """Mean uplift of a segment; `low` and `high` are None where there are too few visitors."""

    name: str
    visitors: int
    uplift: float
    low: float | None
    high: float | None


class LearnerFigures(msgspec.Struct, frozen=True):
    """A learner, judged on visitors that it has not seen; `treat`: share with a predicted uplift above 0."""

    name: str
    auuc: float
    qini: float
    treat: float
    qini_curve: list[float]


class UpliftFigures(msgspec.Struct, frozen=True):
    """Of treated visitors over held-out ones, in `metric`, by visitor."""

    metric: str
    overall: SegmentFigures
    segments: list[SegmentFigures]
    learners: list[LearnerFigures]


def uplift_figures(visitors: Visitors, metric: str) -> UpliftFigures:
    """Overall, for each segment, and by each learner where there are enough visitors."""
    treated = visitors.arm != visitors.names.index(HOLD_OUT)
    outcomes = visitors.outcomes[metric]
    every = np.ones(len(visitors), dtype=np.bool_)
    names = [
        (f"{kind}: {word}", np.array(words) == word)
        for kind, words in visitors.segments.items()
        for word in sorted(set(words))
    ]
    alpha = 0.05 / max(1, len(names))
    segments = [_segment(name, outcomes, treated, here, alpha) for name, here in names]
    overall = _segment("all", outcomes, treated, every, 0.05)
    return UpliftFigures(metric, overall, segments, _learned(visitors.features, outcomes, treated))


def _segment(
    name: str,
    outcomes: NDArray[np.float64],
    treated: NDArray[np.bool_],
    here: NDArray[np.bool_],
    alpha: float,
) -> SegmentFigures:
    groups = summarise(outcomes[here & treated]), summarise(outcomes[here & ~treated])
    found = always_valid(*groups, max(1, int(here.sum())), alpha)
    known = bool(np.isfinite(found.low))
    low, high = (round(float(one), 6) if known else None for one in (found.low, found.high))
    return SegmentFigures(name, int(here.sum()), round(float(found.estimate), 6), low, high)


def _learned(
    features: NDArray[np.float64], outcomes: NDArray[np.float64], treated: NDArray[np.bool_]
) -> list[LearnerFigures]:
    """Learned on every other visitor, judged on the rest."""
    learn = np.arange(len(outcomes)) % 2 == 0
    groups = [
        int((learn == part)[treated == group].sum()) for part in (True, False) for group in (True, False)
    ]
    if min(groups, default=0) < LEAST_LEARNED:
        return []
    share, found = float(treated.mean()), []
    for name, fit in LEARNERS.items():
        predicted = fit(features[learn], outcomes[learn], treated[learn], share)(features[~learn])
        judged = curves(predicted, outcomes[~learn], treated[~learn])
        found.append(_figures(name, judged, float((predicted > 0).mean())))
    return found


def _figures(name: str, judged: Curves, treat: float) -> LearnerFigures:
    count = len(judged.qini) - 1
    places = np.linspace(0, count, 101).round().astype(np.int64)
    curve = (judged.qini[places] / judged.treated).round(6).tolist()
    auuc, qini = round(judged.auuc, 6), round(judged.qini_coefficient, 6)
    return LearnerFigures(name, auuc, qini, round(treat, 4), curve)
