"""`pathcast train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.event_map_option import event_map_option, names_in
from deploy.terminal.log_options import FILE, events_option, mapping_option
from deploy.terminal.tables import print_table
from models.contract.aliases import EventNames
from trainer.loop.options import Options, changed, read
from trainer.promotion.named import anywhere

if TYPE_CHECKING:
    from models.registry.registry import Version
    from trainer.training.log_parts import Run


_FIGURES = ("auc", "average_precision", "recall_20", "mrr_20")


@click.command()
@events_option
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option(
    "--registry", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where versions live."
)
@click.option("--config", type=FILE, help="TOML file of training settings, and [event_map].")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One training setting.")
@click.option("--seed", default=0, show_default=True, help="Same log and seed, same model.")
@click.option("--epochs", default=Options().epochs, show_default=True, help="At most; it stops early.")
@click.option("--baselines/--no-baselines", default=True, help="Train what `evaluate` compares with.")
@click.option("--time-budget", default=2.5, show_default=True, help="Minutes for the epochs.")
@click.option(
    "--checkpoint",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder from which a killed run goes on: repeat its command.",
)
@click.option("--from", "start", metavar="VERSION", help="Begin with what a version has learned.")
@click.option("--content", type=FILE, help="Vectors of items, made by `items embed`.")
@click.option("--profiles", type=FILE, help="What the topic `profiles` has, as JSON lines.")
@click.option(
    "--holdout",
    type=click.FloatRange(0, 0.9),
    default=0.0,
    show_default=True,
    help="Share of the newest clicks to leave for the gate.",
)
@click.option("--freeze", help="Parts of it that stay as they are, such as items,encoder.")
@click.option(
    "--publish-heads",
    type=click.Choice(["worthy", "all"]),
    default=None,
    help="Of the further answers: those that the verdict finds worth it, or all  [worthy].",
)
@click.option("--device", type=click.Choice(["cpu", "cuda", "auto"]), default="auto", show_default=True)
@click.option(
    "--announce/--no-announce",
    "told",
    default=None,
    help="Tell the workers  [if KAFKA_BOOTSTRAP_SERVERS is set].",
)
def command(
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    registry: Path,
    config: Path | None,
    settings: tuple[str, ...],
    seed: int,
    epochs: int,
    baselines: bool,
    time_budget: float,
    checkpoint: Path | None,
    start: str | None,
    content: Path | None,
    profiles: Path | None,
    holdout: float,
    freeze: str | None,
    publish_heads: str | None,
    device: str,
    told: bool | None,
) -> None:
    """Train a model on event logs and put it into a registry.

    CSV, JSON lines (each also .gz) and Parquet are read; columns of known logs are understood. The newest
    sessions stop the training early, calibrate it, and give the figures that are shown; then they are learned
    from, too. It ends with a verdict: which answers are worth publishing, and what more data would bring.
    """
    begun = anywhere(registry, start) if start else None
    given = Options(seed=seed, epochs=epochs, seconds=60 * time_budget, device=device)
    settings = (*settings, f"freeze={freeze}") if freeze else settings
    settings = (*settings, f"publish_heads={publish_heads}") if publish_heads else settings
    options = changed(read(config, given) if config else given, settings)
    names = names_in(config, names)
    from trainer.eventlog.slices import offsets
    from trainer.training.log_parts import Run

    data = (events, registry, items, mapping, options, baselines, checkpoint, begun, names, content)
    _run(Run(*data, holdout, offsets(events), profiles), told)


def _run(run: Run, told: bool | None) -> None:
    """Train, show what came of it, and tell the workers where that is asked for."""
    from deploy.runs.progress_bar import use_cores
    from deploy.runs.promotion_moves import promotions
    from trainer.loop.distributed import processes
    from trainer.training.train import follow

    tell = bool(os.environ.get("KAFKA_BOOTSTRAP_SERVERS")) if told is None else told
    if tell:
        _check_workers_can_be_told()
    console = Console(stderr=True)
    use_cores()
    with processes() as number:
        if number:
            follow(run)
            return
        version = _trained(run, console)
    _show(version, console)
    if tell:
        promotions(run.registry).promote(version.id, "announced by `pathcast train`")
    elif told is None:
        hint = f"not announced; workers take it up after: pathcast models promote {version.id}"
        click.echo(f"{hint} --registry {run.registry}", err=True)


def _check_workers_can_be_told() -> None:
    """Raises KafkaUnreachable or ReplayError now, not after minutes of training."""
    from deploy.cluster.clients import connection
    from deploy.cluster.replay import check_topic
    from streams.config.topics import TopicNames

    check_topic(connection(), TopicNames().model_updates)


def _trained(run: Run, console: Console) -> Version:
    from deploy.cluster.records import now_ms
    from deploy.runs.progress_bar import Bar
    from trainer.training.train import train

    bar = Bar(console)
    with bar.progress:
        return train(run, now_ms(), bar)


def _show(version: Version, console: Console) -> None:
    for note in version.metrics["log"]["notes"]:
        console.print(f"note: {note}", style="yellow", highlight=False)
    print_table(_table(version), console)
    for said in version.metrics["verdict"]["said"]:
        console.print(said, highlight=False, soft_wrap=not console.is_terminal)
    click.echo(version.path)


def _table(version: Version) -> Table:
    table = Table("on the newest sessions", *_FIGURES, title=f"version {version.id}")
    for tier, figures in version.metrics.items():
        if isinstance(figures, dict) and "auc" in figures:
            table.add_row(tier, *(f"{figures[name]:.3f}" for name in _FIGURES))
    return table
