"""`pathcast benchmark prequential`: what is gained by training again, by small steps, by both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.log_options import FILE, events_option, mapping_option
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from models.contract.aliases import EventNames
from trainer.defaults import Plan, Step
from trainer.loop.options import Options, changed

if TYPE_CHECKING:
    from trainer.experiments.prequential import Week


_FIGURES = ("average_precision", "auc", "ece", "recall_20", "mrr_20")


@click.command("prequential")
@events_option
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option("--before", default=Plan().before_days, show_default=True, help="Days to learn from first.")
@click.option("--retrain", default=Plan().retrain_days, show_default=True, help="Days between trainings.")
@click.option("--adapt", default=Plan().adapt_hours, show_default=True, help="Hours between small steps.")
@click.option("--rate", default=Step().learning_rate, show_default=True, help="Learning rate of a step.")
@click.option("--least", default=Step().least_clicks, show_default=True, help="Clicks that a step needs.")
@click.option(
    "--visitors", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Share of the visitors."
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One training setting.")
@click.option("--json", "out", type=OUT, help="Write figures here.")
def prequential(
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    before: float,
    retrain: float,
    adapt: float,
    rate: float,
    least: int,
    visitors: float,
    settings: tuple[str, ...],
    out: Path | None,
) -> None:
    """Replay a log: answer each block of clicks, then learn from it; by week.

    frozen: as trained at first. retrained: anew every --retrain days. adapted: small steps every --adapt
    hours. both: small steps between trainings.
    """
    import numpy as np

    options = changed(Options(seconds=1e9), settings)
    from deploy.runs.progress_bar import Bar, use_cores
    from trainer.experiments.prequential import Replay
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading

    use_cores()
    with reading(events):
        examples = walk(read_log(events, mapping, names), catalogue(items)).examples()
    drawn = np.random.default_rng(0).random(int(examples.visitor.max()) + 1) < visitors
    plan = Plan(before, retrain, adapt, Step(learning_rate=rate, least_clicks=least))
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
