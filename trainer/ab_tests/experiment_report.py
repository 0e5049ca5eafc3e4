"""The report of an experiment: arms, always-valid comparisons with the first arm, the alarm, and uplift."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from models.contract.decision_context import HOLD_OUT
from models.experiments.experiment import Experiment
from trainer.ab_tests.experiment_visitors import METRICS, Visitors
from trainer.ab_tests.ratio_mismatch import ALARM, mismatch
from trainer.ab_tests.sequential import MeanDifference, always_valid, running
from trainer.ab_tests.uplift_report import UpliftFigures, uplift_figures

#: Chance that any interval of a report is ever wrong; it is shared among the compared arms.
ALPHA: Final = 0.05


class ArmFigures(msgspec.Struct, frozen=True):
    """An arm's visitors whose window is over, and their mean outcomes; money in the shop's currency."""

    name: str
    weight: float
    assigned: int
    visitors: int
    conversion: float
    value: float
    cost: float
    net: float


class ArmComparison(msgspec.Struct, frozen=True):
    """An arm's mean outcome minus the control's, by visitor; `low` and `high` are None before it is known."""

    arm: str
    control: str
    metric: str
    estimate: float
    low: float | None
    high: float | None
    p_value: float

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class ExperimentReport(msgspec.Struct, frozen=True):
    """All figures; `mismatch` is the p-value of the arms' numbers of visitors against their weights."""

    experiment: str
    placement: str
    running: bool
    arms: list[ArmFigures]
    comparisons: list[ArmComparison]
    mismatch: float
    alarm: bool
    pending: int
    moved: int
    uplift: UpliftFigures | None
    sentence: str


def report(experiment: Experiment, visitors: Visitors, metric: str, planned: int) -> ExperimentReport:
    """The figures of all metrics; the sentence is about `metric`.

    `planned` is the number of visitors at which intervals are narrowest (`sequential.always_valid`).
    """
    compared = comparisons(visitors, planned)
    weights = [arm.weight for arm in experiment.arms]
    p_value = float(mismatch(visitors.assigned, weights))
    alarm = p_value <= ALARM
    uplift = uplift_figures(visitors, metric) if HOLD_OUT in visitors.names else None
    return ExperimentReport(
        experiment.name,
        experiment.placement,
        experiment.running,
        [_arm(visitors, place, weight) for place, weight in enumerate(weights)],
        compared,
        p_value,
        alarm,
        visitors.pending,
        visitors.moved,
        uplift,
        _sentence(compared, metric, alarm, p_value),
    )


def comparisons(visitors: Visitors, planned: int) -> list[ArmComparison]:
    """Each arm with the first, in each metric."""
    rivals = range(1, len(visitors.names))
    found = []
    for metric in METRICS:
        for rival in rivals:
            course = course_of(visitors, rival, metric, planned)
            estimate, low, high, p_value = (float(one[-1]) if len(one) else 0.0 for one in course)
            known = len(course.low) > 0 and np.isfinite(low)
            found.append(
                ArmComparison(
                    visitors.names[rival],
                    visitors.names[0],
                    metric,
                    round(estimate, 6),
                    round(low, 6) if known else None,
                    round(high, 6) if known else None,
                    round(p_value, 6) if known else 1.0,
                )
            )
    return found


def course_of(visitors: Visitors, rival: int, metric: str, planned: int) -> MeanDifference:
    """The comparison of an arm with the first one after each of their visitors [t]."""
    both = (visitors.arm == 0) | (visitors.arm == rival)
    outcomes, member = visitors.outcomes[metric][both], visitors.arm[both] == rival
    alpha = ALPHA / max(1, len(visitors.names) - 1)
    return always_valid(running(outcomes, member), running(outcomes, ~member), planned, alpha)


def _arm(visitors: Visitors, place: int, weight: float) -> ArmFigures:
    here = visitors.arm == place
    means = [round(float(visitors.outcomes[name][here].mean()), 6) if here.any() else 0.0 for name in METRICS]
    assigned = int(visitors.assigned[place])
    return ArmFigures(visitors.names[place], weight, assigned, int(here.sum()), *means)


def _sentence(compared: Sequence[ArmComparison], metric: str, alarm: bool, p_value: float) -> str:
    if alarm:
        return (
            f"The arms do not have their shares of the visitors (p {p_value:.2g}): find out why before any "
            "figure is used."
        )
    told = [one for one in compared if one.metric == metric and one.decided]
    if not told:
        return f"No arm differs in {metric} yet: every interval still includes 0."
    parts = [
        f"{one.arm} is {'ahead of' if one.estimate > 0 else 'behind'} {one.control} in {metric} by "
        f"{abs(one.estimate):.4g} a visitor ({one.low:.4g} to {one.high:.4g})"
        for one in told
    ]
    return "; ".join(parts) + "."
