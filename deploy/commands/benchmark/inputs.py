"""`pathcast benchmark cold-items` and `pathcast benchmark damage`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.event_map_option import names_for
from deploy.terminal.log_options import FILE, FOLDER, ShopLog, log_options
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table
from deploy.terminal.training_options import figures_option, set_option
from trainer.loop import options
from trainer.loop.options import Options


@click.command("cold-items")
@log_options("Catalogue: titles, categories, brands.", required=True)
@click.option("--content", type=FILE, help="Vectors by `pathcast items embed`  [made from the catalogue].")
@renamed_option(
    "--holdout-share", old="--share", default=0.1, show_default=True, help="Share of the items to hold out."
)
@set_option
@click.option("--seed", default=0, show_default=True, help="Seed of the choice of items and of the training.")
@figures_option
def cold_items(
    log: ShopLog,
    content: Path | None,
    holdout_share: float,
    settings: tuple[str, ...],
    seed: int,
    out: Path | None,
) -> None:
    """Hold out all clicks of some items, train with and without content, and recommend those items."""
    chosen = replace(options.changed(Options(seconds=1e9), settings), seed=seed, heads_weight=0.0)
    from deploy.runs.progress_bar import Bar, use_cores
    from trainer.examples.catalogue_content import CatalogueContent
    from trainer.examples.embedding import embed
    from trainer.examples.split import split
    from trainer.examples.vectors import read
    from trainer.experiments import cold_items as cold
    from trainer.training.log_parts import SHARES

    use_cores()
    shop = log.catalogue()
    learned, later = split(log.examples(), SHARES)
    known = CatalogueContent(read(content) if content else embed(shop), shop)
    bar = Bar(Console(stderr=True))
    with bar.progress:
        found = cold.figures(learned, later, known, chosen, holdout_share, bar)
    _show(found, [{"with": name, **found[name]} for name in ("category", "content")], out)


@click.command("damage")
@click.option("--model", required=True, type=FOLDER, help="Folder of a version.")
@log_options()
@click.option(
    "--warmup", multiple=True, type=FILE, help="Earlier log, read only to build the visitors' state."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the choice of damaged inputs.")
@figures_option
def damaged(
    model: Path,
    log: ShopLog,
    warmup: tuple[Path, ...],
    seed: int,
    out: Path | None,
) -> None:
    """Evaluate a model on damaged inputs: a share of the values is lost, or comes from other clicks.

    Without --event-map, event names are read as in the training.
    """
    from deploy.runs.progress_bar import use_cores
    from models.registry import registry
    from trainer.experiments import robustness
    from trainer.logs import warmup as before
    from trainer.logs.log_replay import LogReplay

    use_cores()
    version = registry.load(model)
    replay = LogReplay(catalogue=log.catalogue(), bounds=version.amount_bounds)
    log.names = names_for(version.metrics, log.names)
    first = before.through(replay, warmup, log.events, log.mapping, log.names, log.dialect)
    rows = list(robustness.robustness_figures(version.neural, replay.examples(), first, seed))
    _show({"rows": rows}, rows, out)


def _show(found: dict[str, Any], rows: list[dict[str, Any]], out: Path | None) -> None:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()))
    print_table(table)
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n")
