"""The tables of `pathcast experiment status`."""

from collections.abc import Sequence

import click
from rich.table import Table

from deploy.terminal.tables import print_table
from models.experiments.experiment import Experiment
from trainer.ab_tests.experiment_report import ExperimentReport
from trainer.ab_tests.uplift_report import UpliftFigures


def print_list(known: Sequence[Experiment]) -> None:
    """All experiments, the latest started last."""
    if not known:
        click.echo("no experiments; `pathcast experiment start FILE` starts one")
        return
    table = Table("experiment", "placement", "state", "arms")
    for one in known:
        arms = ", ".join(f"{arm.name} {arm.weight:.4g}" for arm in one.arms)
        table.add_row(one.name, one.placement, "running" if one.running else "stopped", arms)
    print_table(table)


def print_report(found: ExperimentReport) -> None:
    """Arms, comparisons, uplift, and the sentence last."""
    table = Table("arm", "share", "visitors", "conversion", "value", "cost", "net")
    for arm in found.arms:
        means = (f"{arm.conversion:.2%}", f"{arm.value:.4f}", f"{arm.cost:.4f}", f"{arm.net:.4f}")
        table.add_row(arm.name, f"{arm.weight:.4g}", f"{arm.visitors:,} of {arm.assigned:,}", *means)
    print_table(table)
    table = Table("arm", "over", "in", "difference", "low", "high", "p")
    for one in found.comparisons:
        table.add_row(
            one.arm,
            one.control,
            one.metric,
            f"{one.estimate:.4f}",
            *_bounds(one.low, one.high),
            f"{one.p_value:.3g}",
        )
    print_table(table)
    if found.uplift is not None:
        _print_uplift(found.uplift)
    click.echo(f"visitors whose window goes on: {found.pending:,}; seen in several arms: {found.moved:,}")
    click.echo(f"sample ratio: p {found.mismatch:.3g}{', ALARM' if found.alarm else ''}")
    click.echo(found.sentence)


def _print_uplift(found: UpliftFigures) -> None:
    table = Table(f"uplift over the hold-out, {found.metric}", "visitors", "uplift", "low", "high")
    for one in (found.overall, *found.segments):
        table.add_row(one.name, f"{one.visitors:,}", f"{one.uplift:.4f}", *_bounds(one.low, one.high))
    print_table(table)
    if found.learners:
        table = Table("learner", "AUUC", "Qini", "would treat")
        for learner in found.learners:
            table.add_row(learner.name, f"{learner.auuc:.4f}", f"{learner.qini:.4f}", f"{learner.treat:.1%}")
        print_table(table)


def _bounds(low: float | None, high: float | None) -> tuple[str, str]:
    """Both bounds, or that they are not known yet."""
    return ("too few", "too few") if low is None or high is None else (f"{low:.4f}", f"{high:.4f}")
