"""`pathcast evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from deploy.terminal.event_map_option import names_for
from deploy.terminal.log_options import FILE, ShopLog, log_options
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from trainer.promotion.resolve import resolve_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.registry.versions import Version


_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--model", required=True, help="A version of the registry: its name, latest or serving; or its folder."
)
@click.option("--registry", "versions", required=True, type=_FOLDER, help="Folder of the versions.")
@log_options()
@click.option(
    "--warmup", multiple=True, type=FILE, help="Earlier log, read only to build the visitors' state."
)
@click.option("--profiles", type=FILE, help="Records of the topic `profiles` as JSON lines.")
@click.option("--json", "out", required=True, type=OUT, help="Write the report to this JSON file.")
def command(
    model: str,
    versions: Path,
    log: ShopLog,
    warmup: tuple[Path, ...],
    profiles: Path | None,
    out: Path,
) -> None:
    """Evaluate a model on a log, next to the baselines that were trained with it.

    Intent is evaluated at every event except purchases: does the session still buy after it? The next item is
    evaluated where a different item follows. Intervals are 95%, by bootstrap over visitors. Without
    --event-map, event names are read as in the training. `seen_in_training` counts the clicks that are older
    than the newest click that the version learned from.
    """
    path = resolve_folder(versions, model)
    from deploy.runs.progress_bar import working
    from models.registry import registry
    from trainer.baselines import Baselines
    from trainer.evaluation.evaluation_report import evaluate
    from trainer.logs import warmup as before
    from trainer.logs.log_replay import LogReplay
    from trainer.logs.profile_files import read_profiles

    version = registry.load(path)
    people, bounds = read_profiles(profiles), version.amount_bounds
    replay = LogReplay(catalogue=log.catalogue(), profiles=people, bounds=bounds)
    log.names = names_for(version.metrics, log.names)
    with working("reading the log") as say:
        first = before.through(replay, warmup, log.events, log.mapping, log.names, log.dialect)
        baselines = Baselines(version.baselines) if version.baselines else None
        examples = replay.examples()
        say(f"evaluating {len(examples) - first:,} clicks")
        found = evaluate(version, baselines, examples, first)
    seen = _seen(version, examples.ts[first:])
    found |= {"model": version.id, "rejected": replay.rejected, "seen_in_training": seen}
    out.write_text(json.dumps(found, indent=1) + "\n")
    print_table(_table(found))


def _seen(version: Version, times: NDArray[np.int64]) -> int | None:
    """Count and report clicks older than the newest one that the version learned from; None: unknown."""
    from trainer.logs import lineage
    from trainer.logs import warmup as before

    until = lineage.until(version.metrics)
    if until is None:
        return None
    seen = int((times < until).sum())
    if seen:
        click.echo(
            f"note: {seen:,} of {len(times):,} clicks are older than {before.moment(until)}, the time of the "
            "newest click that the version learned from: it may have seen them, so the figures may be too "
            "good; evaluate on later clicks",
            err=True,
        )
    return seen


def _table(found: dict[str, Any]) -> Table:
    names = ("AUC", "average precision", "Brier", "ECE", "F1", "accuracy", "AUC by session", "AP by session")
    table = Table("model", *names, title=found["model"])
    rows = {"network": found, **found["baselines"]}
    for name, figures in rows.items():
        if "intent" in figures:
            kinds = ("auc", "average_precision", "brier", "ece", "f1", "accuracy")
            sessions = figures["intent"]["by_session"]
            values = *(figures["intent"][kind] for kind in kinds), *sessions.values()
            table.add_row(name, *(f"{value:.4f}" for value in values))
    table.caption = (
        f"{found['intent']['n']:,} clicks, {found['intent']['positives']:,} before a purchase; accuracy of "
        f"always predicting no: {found['intent']['majority_accuracy']:.4f}; next item: recall@20 "
        f"{found['next_item']['recall@20']:.4f}, session kNN "
        f"{found['baselines']['session_knn']['next_item']['recall@20']:.4f}"
    )
    return table
