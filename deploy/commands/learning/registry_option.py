"""Where versions live, as an option of commands."""

from pathlib import Path

import click

registry_option = click.option(
    "--registry",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("registry"),
    envvar="PATHCAST_REGISTRY",
    show_envvar=True,
    show_default=True,
    help="Where versions live.",
)
