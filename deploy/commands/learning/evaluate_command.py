"""`pathcast evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from deploy.terminal.event_map_option import event_map_option, names_for
from deploy.terminal.log_options import FILE, events_option, mapping_option
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from models.contract.aliases import EventNames
from trainer.promotion.named import anywhere

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.registry.versions import Version


_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--model", required=True, help="A version of the registry, or its folder.")
@click.option("--registry", "versions", required=True, type=_FOLDER, help="Where versions live.")
@events_option
@click.option("--warmup", multiple=True, type=FILE, help="What came before: read for visitors' state.")
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@click.option("--profiles", type=FILE, help="What the topic `profiles` has, as JSON lines.")
@mapping_option
@event_map_option
@click.option("--json", "out", required=True, type=OUT)
def command(
    model: str,
    versions: Path,
    events: tuple[Path, ...],
    warmup: tuple[Path, ...],
    items: Path | None,
    profiles: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    out: Path,
) -> None:
    """Judge a model on a log, beside the baselines that were trained with it.

    Intent is judged at every event but purchases: does this session still buy after it? Next item is judged
    where a different item follows. Intervals are 95%, by bootstrap over visitors. Without --event-map event
    names are read as they were for the training. `seen_in_training` counts the clicks that are older than the
    newest that the version learned from.
    """
    path = anywhere(versions, model)
    from models.registry import registry
    from trainer.baselines import Baselines
    from trainer.evaluation.evaluation_report import evaluate
    from trainer.logs import warmup as before
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_replay import LogReplay
    from trainer.logs.profile_files import read_profiles

    version = registry.load(path)
    walk = LogReplay(catalogue=catalogue(items), profiles=read_profiles(profiles))
    first = before.through(walk, warmup, events, mapping, names_for(version.metrics, names))
    baselines = Baselines(version.baselines) if version.baselines else None
    examples = walk.examples()
    found = evaluate(version, baselines, examples, first)
    seen = _seen(version, examples.ts[first:])
    found |= {"model": version.id, "rejected": walk.rejected, "seen_in_training": seen}
    out.write_text(json.dumps(found, indent=1) + "\n")
    print_table(_table(found))


def _seen(version: Version, times: NDArray[np.int64]) -> int | None:
    """How many clicks are older than the newest that the version learned from, told; None: not known."""
    from trainer.logs import lineage
    from trainer.logs import warmup as before

    until = lineage.until(version.metrics)
    if until is None:
        return None
    seen = int((times < until).sum())
    if seen:
        click.echo(
            f"note: {seen:,} of {len(times):,} clicks are of before {before.moment(until)}, until when the "
            "version learned: it may have seen them, so the figures say little of later ones; give those",
            err=True,
        )
    return seen


def _table(found: dict[str, Any]) -> Table:
    table = Table("model", "AUC", "average precision", "Brier", "ECE", "F1", "accuracy", title=found["model"])
    rows = {"network": found, **found["baselines"]}
    for name, figures in rows.items():
        if "intent" in figures:
            kinds = ("auc", "average_precision", "brier", "ece", "f1", "accuracy")
            table.add_row(name, *(f"{figures['intent'][kind]:.4f}" for kind in kinds))
    table.caption = (
        f"{found['intent']['n']:,} clicks, {found['intent']['positives']:,} before a purchase; accuracy of "
        f"always no: {found['intent']['majority_accuracy']:.4f}; next item: recall@20 "
        f"{found['next_item']['recall@20']:.4f}, session kNN "
        f"{found['baselines']['session_knn']['next_item']['recall@20']:.4f}"
    )
    return table
