"""`pathcast audit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.log_options import FILE, events_option, mapping_option
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from models.contract.aliases import EventNames
from models.errors import PathcastError
from trainer.loop.options import Options

if TYPE_CHECKING:
    from trainer.experiments.leakage import Finding


#: Features of the table; the file has all.
SHOWN = 15


class AuditError(PathcastError):
    """A feature knows what it cannot know when it is read."""


@click.command()
@events_option
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100_000,
    show_default=True,
    help="Events that are read, from the first.",
)
@click.option("--json", "out", type=OUT, help="All features' findings.")
def command(
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    limit: int,
    out: Path | None,
) -> None:
    """Look for features that know the future, or the time rather than the visitor.

    Ends with code 1 where one is flagged, save those of time that no training learns from by default.
    """
    from trainer.experiments.leakage import audit
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading

    known = catalogue(items)
    with reading(events):
        log = read_log(events, mapping, names).sort("ts", maintain_order=True).head(limit)
        found = audit(log, lambda part: walk(part, known).examples())
    if out is not None:
        out.write_text(json.dumps([finding._asdict() for finding in found], indent=1) + "\n")
    flagged = [finding for finding in found if finding.flags]
    print_table(_table(found[:SHOWN] + [finding for finding in found[SHOWN:] if finding.flags], len(found)))
    wrong = [finding for finding in flagged if not finding.name.startswith(Options().ignored)]
    if wrong:
        told = ", ".join(f"{finding.name} ({', '.join(finding.flags)})" for finding in wrong)
        raise AuditError(f"{len(wrong)} features are flagged: {told}; see docs/models/evaluation.md")


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
