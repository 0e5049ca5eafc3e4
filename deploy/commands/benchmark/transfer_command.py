"""`pathcast benchmark transfer`: a version on the log of another shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.tables import print_table
from deploy.terminal.training_options import figures_option, set_option
from trainer.loop import options
from trainer.promotion.resolve import resolve_folder

if TYPE_CHECKING:
    from trainer.experiments.transfer import Transferred

#: Seconds; epochs end a run, so that others can repeat it.
FOREVER = 1e9


@click.command("transfer")
@click.option(
    "--model",
    required=True,
    help="Version that was trained on the log of another shop: its name, latest or serving.",
)
@click.option(
    "--registry",
    "versions",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the versions.",
)
@log_options("Catalogue of the shop of --events.")
@click.option(
    "--sessions",
    default="200,1000,5000",
    show_default=True,
    help="Numbers of sessions to learn from, separated by commas.",
)
@set_option
@figures_option
def transferred(
    model: str,
    versions: Path,
    log: ShopLog,
    sessions: str,
    settings: tuple[str, ...],
    out: Path | None,
) -> None:
    """Evaluate a version on the newest clicks of another shop: as it is, and fine-tuned on a few sessions."""
    counts, path = _numbers(sessions), resolve_folder(versions, model)
    chosen = options.changed(options.Options(seconds=FOREVER), settings)
    from deploy.runs.progress_bar import Bar, use_cores
    from models.registry import registry
    from trainer.experiments.transfer import transfer

    use_cores()
    version = registry.load(path)
    examples = log.examples()
    bar, found = Bar(Console(stderr=True)), []
    with bar.progress:
        for result in transfer(version, examples, counts, chosen, bar):
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
