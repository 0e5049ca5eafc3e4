"""`pathcast benchmark next-item`: the protocol of papers on session-based recommendation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.log_options import FILE
from deploy.terminal.tables import print_table
from deploy.terminal.training_options import config_option, device_option, figures_option, set_option
from trainer.loop import options

if TYPE_CHECKING:
    from trainer.experiments import protocols


@click.command("next-item")
@click.option(
    "--train", required=True, type=FILE, help="Training file: one session of item ids in each line; also .gz."
)
@click.option(
    "--test",
    required=True,
    type=FILE,
    help="Test file: item ids, a tab and the id of the next item in each line.",
)
@click.option("--methods", default="all", show_default=True, help="Names separated by commas, or all.")
@config_option
@set_option
@click.option("--time-budget", type=float, help="Most minutes for the epochs of the network.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Seed of all random choices: the same files and seed give the same figures.",
)
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Networks to train, one for each seed; figures are their mean and spread.",
)
@device_option
@figures_option
def next_item(
    train: Path,
    test: Path,
    methods: str,
    config: Path | None,
    settings: tuple[str, ...],
    time_budget: float | None,
    seed: int,
    seeds: int,
    device: str,
    out: Path | None,
) -> None:
    """Rank all items after each prefix of the test file, by methods that learned from the training file."""
    from deploy.runs.progress_bar import Bar
    from trainer.experiments import network_protocol, protocols

    names = protocols.named(methods)
    chosen = replace(network_protocol.OPTIONS, seed=seed, device=device)
    chosen = options.read(config, chosen) if config else chosen
    chosen = network_protocol.within(options.changed(chosen, settings), time_budget)
    console = Console(stderr=True)
    bar, found = Bar(console), []
    with bar.progress:
        for result in protocols.run(train, test, names, chosen, bar, seeds):
            found.append(result)
            _write(found, out)
    print_table(_table(found, train.name))


def _write(results: list[protocols.Result], out: Path | None) -> None:
    """Write after each method, so that an interrupted benchmark keeps its results."""
    if out is not None:
        out.write_text(json.dumps({result.method: result.figures for result in results}, indent=1) + "\n")


def _table(results: list[protocols.Result], name: str) -> Table:
    table = Table("method", "recall@20", "mrr@20", "seconds", title=name)
    for method, figures in results:
        table.add_row(
            method, _spread(figures, "recall@20"), _spread(figures, "mrr@20"), f"{figures['seconds']:.1f}"
        )
    return table


def _spread(figures: dict[str, float], name: str) -> str:
    spread = figures.get(f"{name} spread")
    return f"{figures[name]:.4f}" if spread is None else f"{figures[name]:.4f} ± {spread:.4f}"
