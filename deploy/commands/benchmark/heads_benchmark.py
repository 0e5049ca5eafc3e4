"""`pathcast benchmark heads`: every further head beside its best baseline, over several later periods."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

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


@click.command("heads")
@log_options()
@origins_option
@config_option
@set_option
@budget_option
@click.option("--seed", default=0, show_default=True, help="Seed of the trainings.")
@device_option
@figures_option
def heads(
    log: ShopLog,
    origins: int,
    config: Path | None,
    settings: tuple[str, ...],
    time_budget: float,
    seed: int,
    device: str,
    out: Path | None,
) -> None:
    """Train on the log up to each origin, and judge every head on the period after it, pooled."""
    given = Options(seconds=60 * time_budget, device=device)
    options = replace(changed(read(config, given) if config else given, settings), seed=seed)
    from deploy.runs.progress_bar import Bar, use_cores
    from trainer.experiments.heads_weeks import HeadWeek, pooled, weeks

    use_cores()
    examples = log.examples()
    bar, found = Bar(Console(stderr=True)), list[list[HeadWeek]]()
    with bar.progress:
        for week in weeks(examples, origins, options, bar):
            found.append(week)
            _write(pooled(found), out)
    print_table(_table(pooled(found), origins))


def _write(figures: dict[str, dict[str, Any]], out: Path | None) -> None:
    """Write after each origin, so that an interrupted benchmark keeps its results."""
    if out is not None:
        out.write_text(json.dumps({"heads": figures}, indent=1) + "\n")


def _table(figures: dict[str, dict[str, Any]], origins: int) -> Table:
    title = f"{origins} origins; means of the periods, by labelled clicks"
    table = Table(
        "head", "metric", "served", "best baseline", "by", "ahead (95%)", "clicks", "trees", title=title
    )
    for name, one in figures.items():
        low, high = one["interval"]
        ahead = f"{one['ahead']:+.4f} ({low:+.4f} to {high:+.4f})"
        values = f"{one['value']:.4f}", f"{one['baseline']:.4f}", one["by"], ahead, f"{one['n']:,}"
        table.add_row(name, one["metric"], *values, f"{one['trees']} of {one['periods']}")
    return table
