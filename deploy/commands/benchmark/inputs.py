"""`pathcast benchmark cold-items` and `pathcast benchmark damage`: what inputs bring, and bad ones cost."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.event_map_option import event_map_option, names_for
from deploy.terminal.log_options import FILE, FOLDER, events_option, mapping_option
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from models.contract.aliases import EventNames
from trainer.loop import options
from trainer.loop.options import Options


@click.command("cold-items")
@events_option
@click.option("--items", required=True, type=FILE, help="Catalogue: titles, categories, brands.")
@click.option("--content", type=FILE, help="Vectors by `items embed`  [made of the catalogue].")
@mapping_option
@event_map_option
@click.option("--share", default=0.1, show_default=True, help="Of the items that are held back.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One training setting.")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "out", type=OUT, help="Write figures here.")
def cold_items(
    events: tuple[Path, ...],
    items: Path,
    content: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    share: float,
    settings: tuple[str, ...],
    seed: int,
    out: Path | None,
) -> None:
    """Hold back all clicks of some items, train with and without content, and look for those items."""
    chosen = replace(options.changed(Options(seconds=1e9), settings), seed=seed, heads_weight=0.0)
    from deploy.runs.progress_bar import Bar, use_cores
    from trainer.examples.catalogue_content import CatalogueContent
    from trainer.examples.embedding import embed
    from trainer.examples.split import split
    from trainer.examples.vectors import read
    from trainer.experiments import cold_items as cold
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading
    from trainer.training.log_parts import SHARES

    use_cores()
    shop = catalogue(items)
    with reading(events):
        learned, later = split(walk(read_log(events, mapping, names), shop).examples(), SHARES)
    known = CatalogueContent(read(content) if content else embed(shop), shop)
    bar = Bar(Console(stderr=True))
    with bar.progress:
        found = cold.figures(learned, later, known, chosen, share, bar)
    _tell(found, [{"with": name, **found[name]} for name in ("category", "content")], out)


@click.command("damage")
@click.option("--model", required=True, type=FOLDER, help="Its folder.")
@events_option
@click.option("--warmup", multiple=True, type=FILE, help="What came before: read for visitors' state.")
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "out", type=OUT, help="Write figures here.")
def damaged(
    model: Path,
    events: tuple[Path, ...],
    warmup: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    seed: int,
    out: Path | None,
) -> None:
    """Judge a model on inputs of which a share is lost, or is another click's.

    Without --event-map event names are read as they were for the training.
    """
    from deploy.runs.progress_bar import use_cores
    from models.registry import registry
    from trainer.experiments import damage
    from trainer.logs import warmup as before
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_replay import LogReplay

    use_cores()
    version, log = registry.load(model), LogReplay(catalogue=catalogue(items))
    first = before.through(log, warmup, events, mapping, names_for(version.metrics, names))
    rows = list(damage.costs(version.neural, log.examples(), first, seed))
    _tell({"rows": rows}, rows, out)


def _tell(found: dict[str, Any], rows: list[dict[str, Any]], out: Path | None) -> None:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()))
    print_table(table)
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n")
