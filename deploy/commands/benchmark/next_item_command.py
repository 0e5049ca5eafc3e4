"""`pathcast benchmark next-item`: methods on sessions of items, for figures that compare with papers'."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.log_options import FILE
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from trainer.loop import options

if TYPE_CHECKING:
    from trainer.experiments import protocols


@click.command("next-item")
@click.option("--train", required=True, type=FILE, help="A session of item ids a line; also .gz.")
@click.option("--test", required=True, type=FILE, help="Item ids, a tab, the next item's id a line.")
@click.option("--methods", default="all", show_default=True, help="Names with commas between, or all.")
@click.option("--config", type=FILE, help="TOML file of training settings.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One training setting.")
@click.option("--time-budget", type=float, help="Minutes for the network's epochs.")
@click.option("--seed", default=0, show_default=True, help="Same files and seed, same figures.")
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Networks from so many seeds; mean, spread.",
)
@click.option("--device", type=click.Choice(["cpu", "cuda", "auto"]), default="auto", show_default=True)
@click.option("--json", "out", type=OUT, help="Write figures here.")
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
    """Rank all items after every prefix of a test file, with methods that learned from the training file."""
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
    """After every method, so that what is interrupted has not been for nothing."""
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
