"""`pathcast models workers` and `shadow`: what running workers do with versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from deploy.commands.learning.registry_option import registry_option
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import told
from trainer.promotion.named import anywhere

if TYPE_CHECKING:
    from models.contract.updates import Comparison, ModelReport


_WORDS = {"in_use": "uses", "refused": "refused", "shadow": "compares"}


@click.command()
def workers() -> None:
    """What each worker last said: the version it uses, those it refused and why, those it compares."""
    from deploy.cluster.clients import connection
    from deploy.cluster.model_reports import reports
    from streams.config.topics import TopicNames

    found = reports(connection(), TopicNames().model_reports)
    if not found:
        click.echo("no worker has said anything yet: start one (pathcast worker), and announce a version")
        return
    table = Table("worker", "does", "version", "since", "says")
    for one in found:
        table.add_row(one.worker, _WORDS[one.kind], one.version, told(one.at), _told(one))
    print_table(table)


def _told(one: ModelReport) -> str:
    if one.shadow is not None:
        return _compared(one.shadow)
    return f"{one.refusal}: {one.message}" if one.kind == "refused" else f"before: {one.incumbent}"


def _compared(found: Comparison) -> str:
    said = [
        f"{found.scored:,} of {found.wanted:,} clicks",
        f"purchase correlates {found.correlation:.3f}, differs {found.difference:.4f}",
        f"{found.items_shared:.0%} of the items shared",
        f"{found.outcomes:,} outcomes, {found.bought:,} bought",
    ]
    for side in (found.challenger, found.incumbent):
        said.append(
            f"{side.version}: AP {side.average_precision:.3f}, Brier {side.brier:.4f}, calibration error "
            f"{side.calibration_error:.4f}, {side.ms_p50:.1f} ms (p99 {side.ms_p99:.1f})"
        )
    return "\n".join(said)


@click.command()
@click.argument("version", required=False)
@registry_option
@click.option("--events", default=5_000, show_default=True, help="Clicks that each worker scores with it.")
@click.option("--stop", is_flag=True, help="End the comparison; no VERSION is given.")
def shadow(version: str | None, registry: Path, events: int, stop: bool) -> None:
    """Let workers compare VERSION with the one in use, on live clicks; it answers nobody.

    `models workers` shows what comes of it.
    """
    if stop == (version is not None):
        raise click.UsageError("give a VERSION to compare, or --stop")
    path = anywhere(registry, version) if version else None
    from deploy.runs.shadow_trial import LiveWorkers
    from models.registry import registry as store

    if path is None:
        LiveWorkers().stop()
    else:
        LiveWorkers().compare(store.load(path), events)
    click.echo(f"{version} is compared on {events} clicks" if version else "the comparison has ended")
