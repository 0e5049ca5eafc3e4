"""`pathcast benchmark transfer`: what a version is worth on another shop's log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.log_options import FILE, events_option, mapping_option
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from models.contract.aliases import EventNames
from trainer.loop import options
from trainer.promotion.named import anywhere

if TYPE_CHECKING:
    from trainer.experiments.transfer import Transferred

#: Epochs end a run that others are to repeat, not a clock.
FOREVER = 1e9


@click.command("transfer")
@click.option("--model", required=True, help="A version that was trained on another shop's log.")
@click.option("--registry", "versions", required=True, type=click.Path(file_okay=False, path_type=Path))
@events_option
@click.option("--items", type=FILE, help="Its catalogue.")
@mapping_option
@event_map_option
@click.option("--sessions", default="200,1000,5000", show_default=True, help="How many are learned from.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One training setting.")
@click.option("--json", "out", type=OUT, help="Write figures here.")
def transferred(
    model: str,
    versions: Path,
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    sessions: str,
    settings: tuple[str, ...],
    out: Path | None,
) -> None:
    """Judge a version on another shop's newest clicks: as it is, and as a start for a few of its sessions."""
    counts, path = _numbers(sessions), anywhere(versions, model)
    chosen = options.changed(options.Options(seconds=FOREVER), settings)
    from deploy.runs.progress_bar import Bar, use_cores
    from models.registry import registry
    from trainer.experiments.transfer import transfer
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading

    use_cores()
    version = registry.load(path)
    with reading(events):
        log = walk(read_log(events, mapping, names), catalogue(items)).examples()
    bar, found = Bar(Console(stderr=True)), []
    with bar.progress:
        for result in transfer(version, log, counts, chosen, bar):
            found.append(result)
    if out is not None:
        rows = [result._asdict() | {"judged": result.judged._asdict()} for result in found]
        out.write_text(json.dumps(rows, indent=1) + "\n")
    print_table(_transfers(found, version.id))


def _numbers(sessions: str) -> list[int]:
    try:
        found = [int(number) for number in sessions.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{sessions!r} are no numbers of sessions, such as 200,1000") from error
    if min(found) < 2:
        raise click.BadParameter(f"{min(found)} sessions cannot be split; give 2 or more")
    return found


def _transfers(results: list[Transferred], title: str) -> Table:
    table = Table("sessions", "way", "AUC", "average precision", "recall@20", "mrr@20", title=title)
    for sessions, way, judged in results:
        figures = (judged.auc, judged.average_precision, judged.recall_20, judged.mrr_20)
        table.add_row(f"{sessions:,}", way, *(f"{figure:.4f}" for figure in figures))
    return table
