"""`pathcast benchmark intent`: rolling-origin backtest of the serving models and the baselines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.tables import print_table
from deploy.terminal.training_options import config_option, device_option, figures_option, set_option
from trainer.loop.options import Options, changed, read

if TYPE_CHECKING:
    from trainer.experiments.rolling_origin import OriginSpread, OriginTrial


@click.command("intent")
@log_options()
@click.option(
    "--origins",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Test periods, in the later half of the log.",
)
@click.option(
    "--seeds", type=click.IntRange(1), default=3, show_default=True, help="Networks to train at each origin."
)
@click.option("--baselines/--no-baselines", default=True, help="Also train the baselines, which never serve.")
@config_option
@set_option
@click.option(
    "--time-budget", default=2.5, show_default=True, help="Most minutes for the epochs of each network."
)
@device_option
@figures_option
def intent(
    log: ShopLog,
    origins: int,
    seeds: int,
    baselines: bool,
    config: Path | None,
    settings: tuple[str, ...],
    time_budget: float,
    device: str,
    out: Path | None,
) -> None:
    """Backtest: train on the log up to each origin, evaluate on the period after it, for several seeds."""
    given = Options(seconds=60 * time_budget, device=device)
    options = changed(read(config, given) if config else given, settings)
    from deploy.runs.progress_bar import Bar, use_cores
    from trainer.experiments.rolling_origin import spreads, trials

    use_cores()
    examples = log.examples()
    bar, found = Bar(Console(stderr=True)), []
    with bar.progress:
        drawn = range(options.seed, options.seed + seeds)
        for trial in trials(examples, origins, drawn, options, bar, baselines):
            found.append(trial)
            _write(found, out)
    print_table(_table(spreads(found), origins, seeds))


def _write(found: list[OriginTrial], out: Path | None) -> None:
    """Write after each trial, so that an interrupted benchmark keeps its results."""
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
