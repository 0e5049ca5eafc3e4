"""`pathcast train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.event_map_option import names_in
from deploy.terminal.failures import telling
from deploy.terminal.log_options import FILE, ShopLog, log_options
from deploy.terminal.tables import print_table
from deploy.terminal.training_options import config_option, device_option, set_option
from trainer.loop.options import Options, changed, read
from trainer.promotion.resolve import resolve_folder

if TYPE_CHECKING:
    from models.registry.registry import Version
    from trainer.training.log_parts import Run


_FIGURES = ("auc", "average_precision", "recall_20", "mrr_20")


@click.command()
@log_options()
@click.option(
    "--registry",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that the new version is written to.",
)
@config_option
@set_option
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Seed of all random choices: the same log and seed give the same model.",
)
@click.option(
    "--epochs",
    default=Options().epochs,
    show_default=True,
    help="Most epochs; training stops earlier when the newest sessions no longer gain.",
)
@click.option(
    "--baselines/--no-baselines",
    default=True,
    help="Also train the baselines that `pathcast evaluate` compares with.",
)
@click.option("--time-budget", default=2.5, show_default=True, help="Most minutes for the epochs.")
@click.option(
    "--checkpoint",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of checkpoints: a killed run continues from it when its command is repeated.",
)
@click.option(
    "--from",
    "start",
    metavar="VERSION",
    help="Version whose weights the training starts from: its name, latest or serving.",
)
@click.option("--content", type=FILE, help="Content vectors of items, made by `pathcast items embed`.")
@click.option("--profiles", type=FILE, help="Records of the topic `profiles` as JSON lines.")
@click.option(
    "--holdout",
    type=click.FloatRange(0, 0.9),
    default=0.0,
    show_default=True,
    help="Share of the newest clicks that are not learned from, so that the gate can judge on them.",
)
@click.option("--freeze", help="Parts of the --from version that do not change, such as items,encoder.")
@click.option(
    "--publish-heads",
    type=click.Choice(["worthy", "all"]),
    default=None,
    help="Which further answers are published: those that the verdict recommends, or all  [worthy].",
)
@device_option
@click.option(
    "--announce/--no-announce",
    "announce",
    default=None,
    help="Announce the version to the workers  [if KAFKA_BOOTSTRAP_SERVERS is set].",
)
def command(
    log: ShopLog,
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
    announce: bool | None,
) -> None:
    """Train a model on event logs and write it to a registry.

    Logs are CSV, JSON or Parquet, also compressed; columns of known logs are recognised. The newest sessions
    decide when training stops, calibrate the model and give the printed figures; afterwards the
    model learns from them, too. The last lines are a verdict: which answers are worth publishing, and what
    more data would bring. --config may also hold an [event_map].
    """
    begun = resolve_folder(registry, start) if start else None
    given = Options(seed=seed, epochs=epochs, seconds=60 * time_budget, device=device)
    own = (("freeze", freeze), ("publish_heads", publish_heads))
    settings = (*settings, *(f"{name}={value}" for name, value in own if value))
    options = changed(read(config, given) if config else given, settings)
    log.names = names_in(config, log.names)
    read_from = _files(log)
    from trainer.training.log_parts import Run

    run = Run(
        **read_from,
        registry=registry,
        options=options,
        baselines=baselines,
        checkpoint=checkpoint,
        start=begun,
        content=content,
        holdout=holdout,
        profiles=profiles,
    )
    _run(run, announce)


def _files(log: ShopLog) -> dict[str, Any]:
    """What a run is told of its log."""
    from trainer.eventlog.slices import offsets

    names = ("events", "items", "mapping", "names", "dialect", "items_mapping")
    return {**{name: getattr(log, name) for name in names}, "offsets": offsets(log.events)}


def _run(run: Run, announce: bool | None) -> None:
    """Train, print the result, and announce it if that is asked for."""
    from deploy.runs.progress_bar import use_cores
    from deploy.runs.promotion_moves import promotions
    from trainer.loop.distributed import processes
    from trainer.training.train import follow

    tell = bool(os.environ.get("KAFKA_BOOTSTRAP_SERVERS")) if announce is None else announce
    if tell:
        _check_workers_can_be_told()
    console = Console(stderr=True)
    use_cores()
    with processes() as number:
        if number:
            follow(run)
            return
        with telling(lambda: _repeated(run)):
            version = _trained(run, console)
    _show(version, console)
    if tell:
        with telling(lambda: f"The version is trained: {version.path}"):
            promotions(run.registry).promote(version.id, "announced by `pathcast train`")
    elif announce is None:
        hint = f"not announced; to let workers use it: pathcast models promote {version.id}"
        click.echo(f"{hint} --registry {run.registry}", err=True)


def _repeated(run: Run) -> str:
    """How a failed training is repeated, where anything of it is left."""
    if run.checkpoint is None or not run.checkpoint.is_dir():
        return ""
    return f"Repeat the command: the training goes on from the last checkpoint in {run.checkpoint}"


def _check_workers_can_be_told() -> None:
    """Raise KafkaUnreachable or ReplayError before the training instead of after it."""
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
    for sentence in version.metrics["verdict"]["said"]:
        console.print(sentence, highlight=False, soft_wrap=not console.is_terminal)
    click.echo(version.path)


def _table(version: Version) -> Table:
    table = Table("on the newest sessions", *_FIGURES, title=f"version {version.id}")
    for tier, figures in version.metrics.items():
        if isinstance(figures, dict) and "auc" in figures:
            table.add_row(tier, *(f"{figures[name]:.3f}" for name in _FIGURES))
    return table
