"""`pathcast audit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.tables import print_table
from deploy.terminal.training_options import figures_option
from models.errors import PathcastError
from trainer.loop.options import Options

if TYPE_CHECKING:
    from trainer.experiments.leakage import Finding


#: Features in the table; the file has all of them.
SHOWN = 15


class AuditError(PathcastError):
    """A feature depends on what is not known yet when it is computed."""


@click.command()
@log_options()
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100_000,
    show_default=True,
    help="Read this many events, oldest first.",
)
@figures_option
def command(log: ShopLog, limit: int, out: Path | None) -> None:
    """Look for features that depend on the future, or on the time instead of the visitor (leakage).

    Exits with 1 if a feature is flagged. Features of time that training ignores by default do not count.
    """
    from trainer.experiments.leakage import find_leaks
    from trainer.logs.log_replay import replay_log
    from trainer.logs.reading import reading

    known = log.catalogue()
    with reading(log.events):
        oldest = log.frame().sort("ts", maintain_order=True).head(limit)
        found = find_leaks(oldest, lambda part: replay_log(part, known).examples())
    if out is not None:
        out.write_text(json.dumps([finding._asdict() for finding in found], indent=1) + "\n")
    flagged = [finding for finding in found if finding.flags]
    print_table(_table(found[:SHOWN] + [finding for finding in found[SHOWN:] if finding.flags], len(found)))
    wrong = [finding for finding in flagged if not finding.name.startswith(Options().ignored)]
    if wrong:
        listed = ", ".join(f"{finding.name} ({', '.join(finding.flags)})" for finding in wrong)
        raise AuditError(f"{len(wrong)} features are flagged: {listed}; see docs/models/evaluation.md")


def _table(found: list[Finding], count: int) -> Table:
    from trainer.experiments.leakage import ALONE, OTHER_DAYS

    table = Table("feature", "AUC alone", "with other days' labels", "values changed", "flagged")
    for name, alone, others, changed, flags in found:
        table.add_row(name, f"{alone:.3f}", f"{others:.3f}", str(changed), ", ".join(flags))
    table.caption = (
        f"the best of {count} features; flagged above {ALONE} alone, {OTHER_DAYS} with other days' labels, "
        "or where a value changes once the future is cut off"
    )
    return table
