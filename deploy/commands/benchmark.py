"""`pathcast benchmark`: public protocols, so that figures can be compared with papers'."""

import json
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from deploy.commands.benchmark_lapsing import lapsing
from deploy.commands.origins import intent
from deploy.progress import Bar
from trainer import networks, options, protocols

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def command() -> None:
    """Measure methods by the protocols that papers use."""


command.add_command(lapsing)
command.add_command(intent)


@command.command("next-item")
@click.option("--train", required=True, type=_FILE, help="A session of item ids a line; also .gz.")
@click.option("--test", required=True, type=_FILE, help="Item ids, a tab, the next item's id a line.")
@click.option("--methods", default="all", show_default=True, help="Names with commas between, or all.")
@click.option("--config", type=_FILE, help="TOML file of training settings.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One training setting.")
@click.option("--time-budget", type=float, help="Minutes for the network's epochs.")
@click.option("--seed", default=0, show_default=True, help="Same files and seed, same figures.")
@click.option("--device", type=click.Choice(["cpu", "cuda", "auto"]), default="auto", show_default=True)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write figures here.")
def next_item(
    train: Path,
    test: Path,
    methods: str,
    config: Path | None,
    settings: tuple[str, ...],
    time_budget: float | None,
    seed: int,
    device: str,
    out: Path | None,
) -> None:
    """Rank all items after every prefix of a test file, with methods that learned from the training file."""
    names = protocols.named(methods)
    chosen = replace(networks.OPTIONS, seed=seed, device=device)
    chosen = options.read(config, chosen) if config else chosen
    chosen = networks.within(options.changed(chosen, settings), time_budget)
    console = Console(stderr=True)
    bar, found = Bar(console), []
    with bar.progress:
        for result in protocols.run(train, test, names, chosen, bar):
            found.append(result)
            _write(found, out)
    Console().print(_table(found, train.name))


def _write(results: list[protocols.Result], out: Path | None) -> None:
    """After every method, so that what is interrupted has not been for nothing."""
    if out is not None:
        out.write_text(json.dumps({result.method: result.figures for result in results}, indent=1) + "\n")


def _table(results: list[protocols.Result], name: str) -> Table:
    table = Table("method", "recall@20", "mrr@20", "seconds", title=name)
    for method, figures in results:
        recall, mrr = figures["recall@20"], figures["mrr@20"]
        table.add_row(method, f"{recall:.4f}", f"{mrr:.4f}", f"{figures['seconds']:.1f}")
    return table
