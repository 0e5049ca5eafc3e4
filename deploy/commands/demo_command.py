"""`pathcast demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from deploy.demo.board import Board


#: Clicks, simulated outcomes included, after which the newest are enough for the gate.
TRAIN_EVERY = 4_000
#: Clicks from which two cores train fast enough for a demo.
TRAIN_ON = 30_000


@click.command()
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="End after this many live seconds.")
@click.option(
    "--rate", type=click.FloatRange(1, 2_000), default=50.0, show_default=True, help="Clicks per second."
)
@click.option(
    "--train-every",
    type=click.IntRange(500, 20_000),
    default=TRAIN_EVERY,
    show_default=True,
    help="Train a new model after this many clicks.",
)
@click.option(
    "--train-on",
    type=click.IntRange(2_000, 50_000),
    default=TRAIN_ON,
    show_default=True,
    help="Train on this many of the newest clicks: those of January, then the live ones.",
)
@click.option(
    "--trainer/--no-trainer",
    default=True,
    help="Retrain while clicks arrive, or let the first model serve to the end.",
)
def command(seconds: float | None, rate: float, train_every: int, train_on: int, trainer: bool) -> None:
    """Run everything live: a broker, a new model, a worker, the clicks of a real shop, and a trainer.

    With KAFKA_BOOTSTRAP_SERVERS it uses that cluster, under names of its own, which it deletes at the end.
    """
    from deploy.demo.learning import DemoPlan
    from deploy.demo.run import Demo

    if train_on < 2 * train_every:
        raise click.UsageError(
            f"--train-on is {train_on:,}, but the gate judges on most of the {train_every:,} clicks of "
            f"--train-every: give {2 * train_every:,} or more"
        )
    console = Console()
    try:
        board = Demo(console, seconds, rate, DemoPlan(train_every, train_on) if trainer else None).run()
    except KeyboardInterrupt:
        console.print("stopped before the live part")
        raise click.exceptions.Exit(130) from None
    conclude(console, board)


def conclude(console: Console, board: Board) -> None:
    """Print a summary of the run."""
    from deploy.demo.demo_figures import summary

    table = Table.grid(padding=(0, 2))
    for name, value in summary(board):
        table.add_row(f"[dim]{name}[/]", value)
    console.print(table, highlight=False)
