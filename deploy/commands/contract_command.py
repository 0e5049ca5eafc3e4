"""`pathcast contract`."""

from pathlib import Path

import click

from deploy.reference.written_files import CONTRACT_DIRECTORY
from deploy.terminal.out_file import writing
from models.errors import PathcastError


@click.command()
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=CONTRACT_DIRECTORY,
    show_default=True,
    help="Folder of the documents.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a document is out of date.")
def command(directory: Path, check: bool) -> None:
    """Write the JSON Schemas and the AsyncAPI document of all topics."""
    from deploy.reference import contract

    if not check:
        with writing(directory):
            names = contract.write(directory)
        click.echo(f"{len(contract.files())} documents in {directory}, {len(names)} of them changed")
        return
    names = contract.stale(directory)
    if names:
        raise PathcastError(f"out of date in {directory}: {', '.join(names)}; run `pathcast contract`")
    click.echo(f"{len(contract.files())} documents in {directory} are up to date")
