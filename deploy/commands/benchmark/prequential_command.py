"""`pathcast benchmark prequential`: the gain of retraining, of incremental updates, and of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table
from deploy.terminal.training_options import figures_option, set_option
from trainer.defaults import IncrementalUpdate, PrequentialPlan
from trainer.loop.options import Options, changed

if TYPE_CHECKING:
    from trainer.experiments.prequential import Week


_FIGURES = ("average_precision", "auc", "ece", "recall_20", "mrr_20")


@click.command("prequential")
@log_options()
@renamed_option(
    "--initial-days",
    old="--before",
    default=PrequentialPlan().initial_days,
    show_default=True,
    help="Days of the first training.",
)
@renamed_option(
    "--retrain-days",
    old="--retrain",
    default=PrequentialPlan().retrain_days,
    show_default=True,
    help="Days between trainings.",
)
@renamed_option(
    "--adapt-hours",
    old="--adapt",
    default=PrequentialPlan().adapt_hours,
    show_default=True,
    help="Hours between incremental updates.",
)
@renamed_option(
    "--learning-rate",
    old="--rate",
    default=IncrementalUpdate().learning_rate,
    show_default=True,
    help="Learning rate of an incremental update.",
)
@renamed_option(
    "--min-clicks",
    old="--least",
    default=IncrementalUpdate().min_clicks,
    show_default=True,
    help="Least clicks of an incremental update.",
)
@renamed_option(
    "--visitor-share",
    old="--visitors",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of the visitors that are replayed.",
)
@set_option
@figures_option
def prequential(
    log: ShopLog,
    initial_days: float,
    retrain_days: float,
    adapt_hours: float,
    learning_rate: float,
    min_clicks: int,
    visitor_share: float,
    settings: tuple[str, ...],
    out: Path | None,
) -> None:
    """Replay a log: answer each block of clicks, then learn from it; figures by week.

    frozen: trained once. retrained: trained anew every --retrain-days. adapted: an incremental update every
    --adapt-hours. both: incremental updates between trainings.
    """
    import numpy as np

    options = changed(Options(seconds=1e9), settings)
    from deploy.runs.progress_bar import Bar, use_cores
    from trainer.experiments.prequential import Replay

    use_cores()
    examples = log.examples()
    drawn = np.random.default_rng(0).random(int(examples.visitor.max()) + 1) < visitor_share
    step = IncrementalUpdate(learning_rate=learning_rate, min_clicks=min_clicks)
    plan = PrequentialPlan(initial_days, retrain_days, adapt_hours, step)
    bar = Bar(Console(stderr=True))
    replay = Replay(examples.part(drawn[examples.visitor]), plan, options, bar)
    with bar.progress:
        for _ in replay.run():
            pass
    found = replay.weeks()
    if out:
        out.write_text(json.dumps([_plain(week) for week in found], indent=1) + "\n")
    print_table(_table(found))


def _plain(week: Week) -> dict[str, object]:
    ahead = {way: {name: apart._asdict() for name, apart in each.items()} for way, each in week.ahead.items()}
    return week._asdict() | {"ahead": ahead}


def _table(weeks: list[Week]) -> Table:
    table = Table("week", "way", *_FIGURES, "AP ahead of frozen, 95%", title="answered before learned")
    for week in [*weeks[1:], weeks[0]]:
        for way, figures in week.figures.items():
            apart = week.ahead.get(way, {}).get("average_precision")
            told = f"{apart.ahead:+.4f} ({apart.low:+.4f} to {apart.high:+.4f})" if apart else ""
            cells = (f"{figures[name]:.4f}" for name in _FIGURES)
            table.add_row(str(week.number or "all"), way, *cells, told)
    return table
