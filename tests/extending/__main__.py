"""`python -m tests.extending copy|diff`: edit the patch of a worked example in a copy of the project."""

from pathlib import Path

import click

from tests.extending.project_copy import start_editing, write_patch


@click.group()
def main() -> None:
    """Edit worked examples."""


@main.command()
@click.argument("name")
@click.argument("directory", type=click.Path(path_type=Path))
def copy(name: str, directory: Path) -> None:
    """Copy the project to DIRECTORY and apply the patch of example NAME, if it has one."""
    start_editing(name, directory)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True))
@click.argument("name")
def diff(directory: Path, name: str) -> None:
    """Write the changes made in DIRECTORY as the patch of example NAME."""
    write_patch(name, directory)


if __name__ == "__main__":
    main()
