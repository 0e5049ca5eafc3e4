"""`pathcast benchmark intent`: rolling-origin backtest of the serving models and the baselines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.tables import print_table
from deploy.terminal.training_options import (
    budget_option,
    config_option,
    device_option,
    figures_option,
    origins_option,
    set_option,
)
from trainer.loop.options import Options, changed, read

if TYPE_CHECKING:
    from trainer.experiments.rolling_origin import OriginSpread, OriginTrial


@click.command("intent")
@log_options()
@origins_option
@click.option(
    "--seeds", type=click.IntRange(1), default=3, show_default=True, help="Networks to train at each origin."
)
@click.option("--baselines/--no-baselines", default=True, help="Also train the baselines, which never serve.")
@config_option
@set_option
@budget_option
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
    """Backtest: train on the log up to each origin, evaluate on the period after it, for several seeds.

    Also pools the clicks of all periods: what serves against each baseline, with 95% intervals over visitors,
    its calibration in each period, and its lead by click index.
    """
    given = Options(seconds=60 * time_budget, device=device)
    options = changed(read(config, given) if config else given, settings)
    from deploy.commands.benchmark import intent_tables
    from deploy.runs.progress_bar import Bar, use_cores
    from trainer.experiments.rolling_origin import pooled_trials, spreads, trials

    use_cores()
    examples = log.examples()
    bar, found = Bar(Console(stderr=True)), []
    with bar.progress:
        drawn = range(options.seed, options.seed + seeds)
        for trial in trials(examples, origins, drawn, options, bar, baselines):
            found.append(trial)
            _write(found, out)
    together = pooled_trials(found)
    _write(found, out, intent_tables.plain(together))
    print_table(_table(spreads(found), origins, seeds))
    for table in intent_tables.tables(together, origins):
        print_table(table)


def _write(found: list[OriginTrial], out: Path | None, pooled: dict[str, Any] | None = None) -> None:
    """Write after each trial, so that an interrupted benchmark keeps its results."""
    from trainer.experiments.rolling_origin import spreads

    if out is not None:
        summary = {
            method: {name: spread._asdict() for name, spread in figures.items()}
            for method, figures in spreads(found).items()
        }
        made = {"summary": summary, "trials": [trial.told() for trial in found]} | (
            {"pooled": pooled} if pooled else {}
        )
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
