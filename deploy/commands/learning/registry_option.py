"""Options of commands that read or change a registry."""

from pathlib import Path

import click

registry_option = click.option(
    "--registry",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("registry"),
    envvar="PATHCAST_REGISTRY",
    show_envvar=True,
    show_default=True,
    help="Folder of the versions.",
)
announce_option = click.option(
    "--announce/--no-announce",
    "announce",
    default=True,
    help="Announce the change to the workers, or only record it in the ledger.",
)
