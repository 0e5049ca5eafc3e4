"""`pathcast pacer`: allocate the budgets of the actions file to partitions; `pacer status` shows them."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from deploy.commands.policies.finite_range import FiniteRange
from deploy.terminal.help_pages import Group
from deploy.terminal.out_file import OUT

if TYPE_CHECKING:
    from deploy.pacing.budget_pacer import Pacer

#: Seconds between two allocations.
EVERY = 0.5


@click.group(
    cls=Group,
    invoke_without_command=True,
    settings=(
        "KAFKA_BOOTSTRAP_SERVERS",
        "PATHCAST_APPLICATION_ID",
        "PATHCAST_ACTIONS",
        "PATHCAST_LOG_LEVEL",
        "PATHCAST_LOG_FORMAT",
    ),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Grant the budgets of PATHCAST_ACTIONS to the partitions as their pacing releases them, until Ctrl-C.

    One runs for an installation; a second one takes over from the first. Without it workers spend what they
    have been granted, and nothing more (docs/policies/budgets.md).
    """
    if ctx.invoked_subcommand is None:
        _start(EVERY)


@command.command()
@click.option(
    "--every",
    type=FiniteRange(0.05, 60),
    default=EVERY,
    show_default=True,
    help="Seconds between two allocations.",
)
@click.option(
    "--metrics",
    type=OUT,
    help="Write budgets, grants and spend to this file after each allocation, for Prometheus' textfile "
    "collector.",
)
def run(every: float, metrics: Path | None) -> None:
    """The same, with other seconds between two allocations, or with metrics."""
    _start(every, metrics)


def _start(every: float, metrics: Path | None = None) -> None:
    from deploy.pacing.budget_metrics import BudgetMetrics
    from deploy.pacing.pacer_parts import installed_pacer
    from streams import logging_setup
    from streams.config.worker_settings import WorkerSettings

    settings = WorkerSettings()
    logging_setup.configure(settings.log_level, settings.log_format)
    told = BudgetMetrics(metrics).write if metrics else None
    asyncio.run(_run(installed_pacer(every, told)))


async def _run(pacer: Pacer) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await pacer.run(stop)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(as_json: bool) -> None:
    """Show each budget: what was granted, returned and spent, by account."""
    from rich.table import Table

    from deploy.pacing.budget_status import budget_status
    from deploy.terminal.tables import print_table

    rows = budget_status()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    table = Table("account", "budget", "granted", "spent", "open grants", "partitions that ran short")
    for row in rows:
        table.add_row(*_cells(row))
    print_table(table)


def _cells(row: dict[str, Any]) -> list[str]:
    amounts = (f"{row[name] / 1000:,.2f}" for name in ("budget", "granted", "spent", "open"))
    return [row["account"], *amounts, ", ".join(map(str, row["short"])) or "none"]
