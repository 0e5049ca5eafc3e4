"""`pathcast benchmark intent`: rolling-origin cross-validation of what serves and of the baselines."""

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
from trainer.loop.options import Options, changed, read

if TYPE_CHECKING:
    from trainer.experiments.rolling_origin import OriginSpread, OriginTrial


@click.command("intent")
@events_option
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option(
    "--origins", type=click.IntRange(1), default=4, show_default=True, help="Periods of the log's later half."
)
@click.option(
    "--seeds", type=click.IntRange(1), default=3, show_default=True, help="Networks trained at each origin."
)
@click.option("--baselines/--no-baselines", default=True, help="Train what serves nobody as well.")
@click.option("--config", type=FILE, help="TOML file of training settings.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One training setting.")
@click.option("--time-budget", default=2.5, show_default=True, help="Minutes for the epochs of each network.")
@click.option("--device", type=click.Choice(["cpu", "cuda", "auto"]), default="auto", show_default=True)
@click.option("--json", "out", type=OUT, help="Write figures here.")
def intent(
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    origins: int,
    seeds: int,
    baselines: bool,
    config: Path | None,
    settings: tuple[str, ...],
    time_budget: float,
    device: str,
    out: Path | None,
) -> None:
    """Train on growing beginnings of a log and judge on the period that follows each, over several seeds."""
    given = Options(seconds=60 * time_budget, device=device)
    options = changed(read(config, given) if config else given, settings)
    from deploy.runs.progress_bar import Bar, use_cores
    from trainer.experiments.rolling_origin import spreads, trials
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading

    use_cores()
    with reading(events):
        examples = walk(read_log(events, mapping, names), catalogue(items)).examples()
    bar, found = Bar(Console(stderr=True)), []
    with bar.progress:
        drawn = range(options.seed, options.seed + seeds)
        for trial in trials(examples, origins, drawn, options, bar, baselines):
            found.append(trial)
            _write(found, out)
    print_table(_table(spreads(found), origins, seeds))


def _write(found: list[OriginTrial], out: Path | None) -> None:
    """After every trial, so that what is interrupted has not been for nothing."""
    from trainer.experiments.rolling_origin import spreads

    if out is not None:
        summary = {
            method: {name: spread._asdict() for name, spread in figures.items()}
            for method, figures in spreads(found).items()
        }
        made = {"summary": summary, "trials": [trial._asdict() for trial in found]}
        out.write_text(json.dumps(made, indent=1) + "\n")


def _table(found: dict[str, dict[str, OriginSpread]], origins: int, seeds: int) -> Table:
    from trainer.experiments.rolling_origin import FIGURES

    heading = "mean (spread over origins; over seeds)"
    table = Table(heading, *FIGURES, title=f"{origins} origins, {seeds} seeds")
    for method, figures in found.items():
        cells = [
            f"{spread.mean:.4f} ({spread.over_origins:.4f}; {spread.over_seeds:.4f})"
            for spread in figures.values()
        ]
        table.add_row(method, *cells)
    return table
