"""`pathcast settings`."""

from pathlib import Path

import click

from deploy.reference.written_files import SETTINGS_FILE as FILE
from deploy.terminal.out_file import writing
from models.errors import PathcastError


@click.command()
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=FILE,
    show_default=True,
    help="Page to write.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the page is out of date.")
def command(file: Path, check: bool) -> None:
    """Write the reference page of all settings."""
    from deploy.reference.settings_doc import text

    made = text()
    current = file.is_file() and file.read_text(encoding="utf-8") == made
    if check and not current:
        raise PathcastError(f"{file} is missing or out of date; run `pathcast settings`")
    if not current:
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(made, encoding="utf-8")
    click.echo(f"{file} {'is up to date' if current else 'written'}")
