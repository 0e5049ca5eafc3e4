"""`pathcast items`."""

from pathlib import Path

import click

from deploy.terminal.help_pages import Group
from deploy.terminal.log_options import FILE, FOLDER
from deploy.terminal.out_file import OUT
from trainer.defaults import CONTENT_WIDTH as WIDTH


@click.group(cls=Group)
def command() -> None:
    """What items are about."""


@command.command("embed")
@click.option("--items", required=True, type=FILE, help="Catalogue: item_id, title, category, brand.")
@click.option("--vectors", multiple=True, type=FILE, help="The shop's own: .npz, .parquet or .safetensors.")
@click.option("--model", type=FOLDER, help="Folder of a sentence-transformers model, for the titles.")
@click.option(
    "--width", type=click.IntRange(1), default=WIDTH, show_default=True, help="Numbers per kind of vectors."
)
@click.option("--out", required=True, type=OUT, help="Write here.")
def embed_items(items: Path, vectors: tuple[Path, ...], model: Path | None, width: int, out: Path) -> None:
    """Make content vectors, for `pathcast train --content`.

    Titles become vectors by their words and pieces of words; vectors of pictures or sounds, one an item,
    stand beside them. No network is used.
    """
    from trainer.examples.embedding import embed
    from trainer.examples.vectors import read, write
    from trainer.logs.catalogue_file import catalogue

    made = embed(catalogue(items), [read(file) for file in vectors], model, width)
    write(out, made)
    click.echo(f"{len(made.ids):,} items, {made.width} numbers each, in {out}")
