"""`pathcast benchmark`: public protocols, for figures that compare with papers', and what inputs bring."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.commands.benchmark.inputs import cold_items, damaged
from deploy.commands.benchmark.lapsing_benchmark import lapsing
from deploy.commands.benchmark.origins import intent
from deploy.commands.benchmark.prequential_command import prequential
from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.help_pages import Group
from deploy.terminal.log_options import FILE, events_option, mapping_option
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from models.contract.aliases import EventNames
from trainer.loop import options
from trainer.promotion.named import anywhere

if TYPE_CHECKING:
    from trainer.experiments import protocols
    from trainer.experiments.transfer import Transferred


#: Epochs end a run that others are to repeat, not a clock.
FOREVER = 1e9


@click.group(cls=Group)
def command() -> None:
    """Measure methods by the protocols that papers use, and what inputs bring."""


command.add_command(cold_items)
command.add_command(damaged)


command.add_command(lapsing)
command.add_command(intent)
command.add_command(prequential)


@command.command("next-item")
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


@command.command("transfer")
@click.option("--model", required=True, help="A version that was trained on another shop's log.")
@click.option("--registry", "versions", required=True, type=click.Path(file_okay=False, path_type=Path))
@events_option
@click.option("--items", type=FILE, help="Its catalogue.")
@mapping_option
@event_map_option
@click.option("--sessions", default="200,1000,5000", show_default=True, help="How many are learned from.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One training setting.")
@click.option("--json", "out", type=OUT, help="Write figures here.")
def transferred(
    model: str,
    versions: Path,
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    sessions: str,
    settings: tuple[str, ...],
    out: Path | None,
) -> None:
    """Judge a version on another shop's newest clicks: as it is, and as a start for a few of its sessions."""
    counts, path = _numbers(sessions), anywhere(versions, model)
    chosen = options.changed(options.Options(seconds=FOREVER), settings)
    from deploy.runs.progress_bar import Bar, use_cores
    from models.registry import registry
    from trainer.experiments.transfer import transfer
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading
    from trainer.training.train import catalogue

    use_cores()
    version = registry.load(path)
    with reading(events):
        log = walk(read_log(events, mapping, names), catalogue(items)).examples()
    bar, found = Bar(Console(stderr=True)), []
    with bar.progress:
        for result in transfer(version, log, counts, chosen, bar):
            found.append(result)
    if out is not None:
        rows = [result._asdict() | {"judged": result.judged._asdict()} for result in found]
        out.write_text(json.dumps(rows, indent=1) + "\n")
    print_table(_transfers(found, version.id))


def _numbers(sessions: str) -> list[int]:
    try:
        found = [int(number) for number in sessions.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{sessions!r} are no numbers of sessions, such as 200,1000") from error
    if min(found) < 2:
        raise click.BadParameter(f"{min(found)} sessions cannot be split; give 2 or more")
    return found


def _transfers(results: list[Transferred], title: str) -> Table:
    table = Table("sessions", "", "AUC", "average precision", "recall@20", "mrr@20", title=title)
    for sessions, way, judged in results:
        figures = (judged.auc, judged.average_precision, judged.recall_20, judged.mrr_20)
        table.add_row(f"{sessions:,}", way, *(f"{figure:.4f}" for figure in figures))
    return table
