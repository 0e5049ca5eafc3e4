"""The picture of an experiment: its intervals over time, uplift by segment, and Qini curves."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.ab_tests.experiment_report import ExperimentReport, course_of
from trainer.ab_tests.experiment_visitors import Visitors
from trainer.ab_tests.uplift_report import UpliftFigures

#: Points of a curve at most.
_POINTS = 400


def picture(report: ExperimentReport, visitors: Visitors, metric: str, planned: int) -> bytes:
    """An SVG of `metric`; the panels of uplift are there where visitors were held out."""
    panels = 1 if report.uplift is None else 3
    figure = Figure(figsize=(5 * panels, 4), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, panels))
    _courses(axes[0], report, visitors, metric, planned)
    if report.uplift is not None:
        _segments(axes[1], report.uplift)
        _qini(axes[2], report.uplift)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def _courses(panel: Axes, report: ExperimentReport, visitors: Visitors, metric: str, planned: int) -> None:
    for place, arm in enumerate(report.arms[1:], start=1):
        course = course_of(visitors, place, metric, planned)
        known = np.flatnonzero(np.isfinite(course.low))
        shown = known[:: max(1, len(known) // _POINTS)]
        panel.plot(shown, course.estimate[shown], label=arm.name)
        panel.fill_between(shown, course.low[shown], course.high[shown], alpha=0.2)
    panel.axhline(0, color="grey", linewidth=1)
    panel.set(title=f"{metric}, ahead of {report.arms[0].name}", xlabel="visitors of both arms")
    panel.legend(fontsize=7)


def _segments(panel: Axes, uplift: UpliftFigures) -> None:
    rows = [uplift.overall, *uplift.segments]
    for place, one in enumerate(rows):
        if one.low is not None and one.high is not None:
            panel.plot([one.low, one.high], [place, place], color="C0")
        panel.plot([one.uplift], [place], marker="o", color="C0")
    panel.axvline(0, color="grey", linewidth=1)
    panel.set_yticks(range(len(rows)), [f"{one.name} ({one.visitors})" for one in rows], fontsize=7)
    panel.set(title=f"uplift over the hold-out, {uplift.metric}")
    panel.invert_yaxis()


def _qini(panel: Axes, uplift: UpliftFigures) -> None:
    for one in uplift.learners:
        share = np.linspace(0, 1, len(one.qini_curve))
        panel.plot(share, one.qini_curve, label=f"{one.name}, Qini {one.qini:.3g}")
    if uplift.learners:
        panel.plot(
            [0, 1], [0, uplift.learners[0].qini_curve[-1]], color="grey", linewidth=1, label="at random"
        )
        panel.legend(fontsize=7)
    panel.set(title="Qini", xlabel="share of visitors treated, highest predictions first")
