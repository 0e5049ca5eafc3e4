"""`pathcast items`."""

from pathlib import Path

import click

from deploy.terminal.dialect_options import dialect_options
from deploy.terminal.help_pages import Group
from deploy.terminal.log_options import FILE, FOLDER
from deploy.terminal.map_option import mapping_option
from deploy.terminal.out_file import OUT
from trainer.defaults import CONTENT_WIDTH as WIDTH
from trainer.tables.dialect import Dialect


@click.group(cls=Group)
def command() -> None:
    """Content vectors of items."""


@command.command("embed")
@click.option("--items", required=True, type=FILE, help="Catalogue: item_id, title, category, brand.")
@mapping_option
@dialect_options(event=False)
@click.option(
    "--vectors",
    multiple=True,
    type=FILE,
    help="The shop's own vectors: .npz, .parquet or .safetensors; repeat for more kinds.",
)
@click.option("--model", type=FOLDER, help="Folder of a sentence-transformers model that embeds the titles.")
@click.option(
    "--width",
    type=click.IntRange(1),
    default=WIDTH,
    show_default=True,
    help="Dimensions of each kind of vector.",
)
@click.option("--out", required=True, type=OUT, help="File to write.")
def embed_items(
    items: Path,
    mapping: dict[str, str],
    dialect: Dialect,
    vectors: tuple[Path, ...],
    model: Path | None,
    width: int,
    out: Path,
) -> None:
    """Make content vectors of items for `pathcast train --content`.

    Titles are embedded by their words and parts of words, or by --model. Vectors of pictures or sounds
    (--vectors, one for each item) are kept beside them. Nothing is downloaded.
    """
    from trainer.examples.embedding import embed
    from trainer.examples.vectors import read, write
    from trainer.logs.catalogue_file import catalogue

    made = embed(catalogue(items, mapping, dialect), [read(file) for file in vectors], model, width)
    write(out, made)
    click.echo(f"{len(made.ids):,} items, {made.width} numbers each, in {out}")
