"""`pathcast models`: the versions in a registry, and which of them serves."""

from pathlib import Path

import click
from rich.table import Column, Table

from deploy.commands.learning.registry_option import announce_option, registry_option
from deploy.commands.models.adapt_command import adapt
from deploy.commands.models.gate_command import gate
from deploy.commands.models.show import show
from deploy.commands.models.workers import shadow, workers
from deploy.runs.version_metrics import figures
from deploy.terminal.help_pages import Group
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table
from models.registry.refusals import RegistryError
from trainer.defaults import VersionRetention
from trainer.promotion.resolve import versions

_FIGURES = ("auc", "average_precision", "recall_20", "mrr_20")
reason_option = click.option(
    "--reason", default="asked for on the command line", help="Recorded in the ledger."
)


@click.group(cls=Group)
def command() -> None:
    """List, show, judge, promote, roll back, pin and remove versions of a registry.

    The gate is what a new version has to pass before it serves: a comparison with the serving one on clicks
    that neither has learned from (docs/trainer/gate.md).
    """


for _subcommand in (show, gate, adapt, shadow, workers):
    command.add_command(_subcommand)


@command.command("list")
@registry_option
def listed(registry: Path) -> None:
    """List all versions, oldest first, with the figures of their training."""
    from trainer.promotion.ledger import Ledger

    if not registry.is_dir():
        raise RegistryError(f"{registry} is no folder; name the one that `pathcast train` writes versions to")
    found = Ledger(registry).status()
    # `show` and `promote` need the whole name.
    table = Table(Column("version", no_wrap=True), "state", *_FIGURES, "why not", title=str(registry))
    for name in versions(registry):
        reached = figures(registry / name)
        cells = (f"{reached[kind]:.3f}" if kind in reached else "?" for kind in _FIGURES)
        why = found.refused.get(name, found.taken_back.get(name, ""))
        table.add_row(name, found.state(name), *cells, why)
    print_table(table)


@command.command()
@click.argument("version")
@registry_option
@reason_option
@announce_option
@click.option(
    "--force",
    is_flag=True,
    help="Promote even a version that the gate refused, or that was rolled back.",
)
def promote(version: str, registry: Path, reason: str, announce: bool, force: bool) -> None:
    """Let VERSION serve; if it serves already, announce it again."""
    from deploy.runs.promotion_moves import promotions

    click.echo(f"{promotions(registry, announce).promote(version, reason, force)} serves")


@command.command()
@registry_option
@reason_option
@announce_option
def rollback(registry: Path, reason: str, announce: bool) -> None:
    """Let the version serve that served before the present one."""
    from deploy.runs.promotion_moves import promotions

    click.echo(f"{promotions(registry, announce).rollback(reason)} serves")


@command.command()
@click.argument("version", required=False)
@registry_option
@reason_option
@announce_option
@click.option("--release", is_flag=True, help="Allow other versions again; takes no VERSION.")
def pin(version: str | None, registry: Path, reason: str, announce: bool, release: bool) -> None:
    """Let VERSION serve until it is released: neither the gate nor the trainer replaces it."""
    from deploy.runs.promotion_moves import promotions

    if release == (version is not None):
        raise click.UsageError("give a VERSION to pin, or --release")
    moves = promotions(registry, announce)
    if version is None:
        click.echo(f"{moves.release(reason)} is released")
    else:
        click.echo(f"{moves.pin(version, reason)} serves, pinned")


@command.command()
@registry_option
@renamed_option(
    "--keep-last",
    old="--served",
    type=click.IntRange(0),
    default=VersionRetention().served,
    show_default=True,
    help="Keep this many versions that served last, for rollbacks.",
)
@renamed_option(
    "--keep-days",
    old="--days",
    type=click.FloatRange(0),
    default=VersionRetention().days,
    show_default=True,
    help="Keep versions that are younger.",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
def gc(registry: Path, keep_last: int, keep_days: float, dry_run: bool) -> None:
    """Remove versions that neither serve nor are pinned, did not serve lately and are not young.

    Copies at PATHCAST_REGISTRY_PUBLISH are removed as well.
    """
    from deploy.cluster.records import now_ms
    from trainer.promotion.garbage_collection import collect_garbage, removable, remove_published
    from trainer.promotion.publish_settings import PublishSettings

    keep, url = VersionRetention(keep_last, keep_days), PublishSettings().publish
    gone = removable(registry, keep, now_ms()) if dry_run else collect_garbage(registry, keep, now_ms())
    for name in gone:
        click.echo(name)
    click.echo(f"{len(gone)} versions {'would be ' if dry_run else ''}removed", err=True)
    if url and not dry_run:
        click.echo(f"{len(remove_published(registry, url))} versions removed from {url}", err=True)
