"""`pathcast models workers` and `pathcast models shadow`: versions in running workers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from deploy.commands.learning.registry_option import registry_option
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import utc_text
from trainer.promotion.resolve import resolve_folder

if TYPE_CHECKING:
    from models.contract.updates import Comparison, ModelReport


_WORDS = {"in_use": "uses", "refused": "refused", "shadow": "compares"}


@click.command()
def workers() -> None:
    """Show what each worker last reported: the version it uses, refused versions and why, comparisons."""
    from deploy.cluster.clients import connection
    from deploy.cluster.model_reports import reports
    from streams.config.topics import TopicNames

    found = reports(connection(), TopicNames().model_reports)
    if not found:
        click.echo("no worker has reported yet: start one (pathcast worker), and announce a version")
        return
    table = Table("worker", "does", "version", "placement", "since", "details")
    for one in found:
        table.add_row(
            one.worker, _WORDS[one.kind], one.version, one.placement, utc_text(one.at), _report(one)
        )
    print_table(table)


def _report(one: ModelReport) -> str:
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
@renamed_option(
    "--clicks", old="--events", default=5_000, show_default=True, help="Clicks that each worker compares on."
)
@click.option("--stop", is_flag=True, help="End the comparison; takes no VERSION.")
def shadow(version: str | None, registry: Path, clicks: int, stop: bool) -> None:
    """Let workers compare VERSION with the serving one on live clicks; its answers are not published.

    VERSION is a name, or latest. `pathcast models workers` shows the result.
    """
    if stop == (version is not None):
        raise click.UsageError("give a VERSION to compare, or --stop")
    path = resolve_folder(registry, version) if version else None
    from deploy.runs.shadow_trial import LiveWorkers
    from models.registry import registry as store

    if path is None:
        LiveWorkers().stop()
    else:
        LiveWorkers().compare(store.load(path), clicks)
    click.echo(f"{path.name} is compared on {clicks} clicks" if path else "the comparison has ended")
