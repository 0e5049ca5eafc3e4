"""`pathcast models`: the versions in a registry, and which of them serves."""

from pathlib import Path

import click
from rich.table import Column, Table

from deploy.commands.learning.registry_option import announce_option, registry_option
from deploy.commands.models.adapt_command import adapt
from deploy.commands.models.gate_command import gate
from deploy.commands.models.gc_command import gc
from deploy.commands.models.kind_option import home, kind_option, placement_option
from deploy.commands.models.policy_list import print_policies
from deploy.commands.models.show import show
from deploy.commands.models.warm_up import warm_up
from deploy.commands.models.workers import shadow, workers
from deploy.runs.version_metrics import figures
from deploy.terminal.help_pages import Group
from deploy.terminal.tables import print_table
from models.registry.refusals import RegistryError
from models.registry.version_files import VersionKind, placements
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


for _subcommand in (show, gate, adapt, shadow, workers, warm_up, gc):
    command.add_command(_subcommand)


@command.command("list")
@registry_option
@kind_option
def listed(registry: Path, kind: str | None) -> None:
    """List all versions, oldest first, networks with the figures of their training; then the policies."""
    if not registry.is_dir():
        raise RegistryError(f"{registry} is no folder; name the one that `pathcast train` writes versions to")
    if kind != VersionKind.POLICY:
        _print_networks(registry)
    if kind == VersionKind.POLICY or (kind is None and placements(registry)):
        print_policies(registry)


def _print_networks(registry: Path) -> None:
    from trainer.promotion.ledger import Ledger

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
@kind_option
@placement_option
@reason_option
@announce_option
@click.option(
    "--force",
    is_flag=True,
    help="Promote even a version that the gate refused, or that was rolled back.",
)
def promote(
    version: str,
    registry: Path,
    kind: str | None,
    placement: str | None,
    reason: str,
    announce: bool,
    force: bool,
) -> None:
    """Let VERSION (a name or latest) serve; if it serves already, announce it again."""
    moves = home(registry, kind, placement, version).moves(registry, announce)
    click.echo(f"{moves.promote(version, reason, force)} serves")


@command.command()
@registry_option
@kind_option
@placement_option
@reason_option
@announce_option
def rollback(registry: Path, kind: str | None, placement: str | None, reason: str, announce: bool) -> None:
    """Let the version serve that served before the present one; before a first policy, the rules."""
    moves = home(registry, kind, placement).moves(registry, announce)
    click.echo(f"{moves.rollback(reason)} serves")


@command.command()
@click.argument("version", required=False)
@registry_option
@kind_option
@placement_option
@reason_option
@announce_option
@click.option("--release", is_flag=True, help="Allow other versions again; takes no VERSION.")
def pin(
    version: str | None,
    registry: Path,
    kind: str | None,
    placement: str | None,
    reason: str,
    announce: bool,
    release: bool,
) -> None:
    """Let VERSION serve until it is released: neither the gate nor the trainer replaces it.

    VERSION is a name, latest or serving.
    """
    if release == (version is not None):
        raise click.UsageError("give a VERSION to pin, or --release")
    moves = home(registry, kind, placement, version).moves(registry, announce)
    if version is None:
        click.echo(f"{moves.release(reason)} is released")
    else:
        click.echo(f"{moves.pin(version, reason)} serves, pinned")
