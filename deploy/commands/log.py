"""`pathcast log ingest | stats | export | compact | forget`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from deploy.help_pages import Group
from deploy.moments import moment, told
from deploy.out_file import OUT
from deploy.tables import print_table

if TYPE_CHECKING:
    from trainer.eventlog.stats import Stats


@click.group(cls=Group)
def command() -> None:
    """The event log: clicks and answers from Kafka as Parquet, at PATHCAST_TRAINER_LOG."""


@command.command("ingest")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--recreated", is_flag=True, help="Go on though a topic was recreated or truncated.")
def ingest_command(follow: bool, recreated: bool) -> None:
    """Write what the topics hold and the log does not; each committed record once, whatever is killed."""
    from deploy.event_log import ingest
    from trainer.settings import TrainerSettings

    writer = ingest(TrainerSettings(), recreated)
    rows = 0
    try:
        while follow or not (writer.assigned and writer.behind() == 0):
            rows += writer.step()
        writer.flush()
    finally:
        writer.close()
    click.echo(f"{rows:,} rows written")


@command.command("stats")
def stats_command() -> None:
    """What the log holds: rows, files, days, and what was dropped from it and why.

    Exits with 1 where a file is gone or has another size than was written, and names it.
    """
    from deploy.event_log import opened
    from trainer.eventlog.stats import damaged, stats

    log = opened()
    shown = Table("table", "rows", "files", "MB", "days", "event time", "expired", "erased", "lost")
    for found in stats(log):
        shown.add_row(*_cells(found))
    print_table(shown)
    for manifest in log.manifests():
        click.echo(f"{manifest.topic}[{manifest.partition}] up to offset {manifest.next:,}")
    _refuse(damaged(log), log.place.url)


def _refuse(damage: list[str], url: str) -> None:
    from trainer.eventlog.place import EventLogError

    for said in damage:
        click.echo(said, err=True)
    if damage:
        raise EventLogError(f"{len(damage):,} files in {url} are damaged: restore them from a copy")


def _cells(found: Stats) -> list[str]:
    days = " to ".join(found.days) if found.days else "-"
    times = "-"
    if found.since is not None and found.until is not None:
        times = f"{told(found.since)} to {told(found.until)}"
    counts = (f"{count:,}" for count in (found.expired, found.erased, found.lost))
    size = f"{found.bytes / 1e6:,.1f}"
    return [found.table, f"{found.kept:,}", f"{found.files:,}", size, days, times, *counts]


@command.command("export")
@click.argument("file", type=OUT)
@click.option("--most", type=click.IntRange(1), help="So many of the newest clicks.")
@click.option("--since", callback=moment, help="No clicks before this event time.")
def export(file: Path, most: int | None, since: int | None) -> None:
    """Write the log's clicks to one Parquet FILE, which every command that takes a log reads."""
    from deploy.event_log import opened
    from trainer.eventlog import slices

    made = slices.write(opened(), file, most, since)
    click.echo(f"{made.clicks:,} clicks written to {file}")


@command.command("compact")
def compact_command() -> None:
    """Merge small files, drop days beyond their retention, remove what no manifest names."""
    from deploy.event_log import opened
    from deploy.logs import now_ms
    from trainer.eventlog.tidy import tend
    from trainer.settings import TrainerSettings

    settings, now = TrainerSettings(), now_ms()
    tended = tend(opened(settings), now, settings.keep_days)
    click.echo(
        f"{tended.merged:,} files fewer, {tended.expired:,} rows expired, {tended.swept:,} files removed"
    )


@command.command("forget")
@click.argument("visitors", nargs=-1, required=True)
def forget_command(visitors: tuple[str, ...]) -> None:
    """Erase all rows of VISITORS, also those still on their way, and say which models had learned from them.

    With a secret for pseudonyms also the rows under these. Only the event log: `pathcast
    visitor forget` is what a visitor's request needs.
    """
    from deploy.event_log import opened
    from deploy.logs import now_ms
    from streams.secret_file import pseudonyms
    from streams.settings import WorkerSettings
    from trainer.eventlog.forget import forget
    from trainer.eventlog.tables import CLICKS
    from trainer.seen import seen

    hidden = pseudonyms(WorkerSettings().pseudonym_key_file)
    called = {*visitors, *(hidden.visitor(one.encode()) for one in visitors if hidden)}
    erased = forget(opened(), called, now_ms())
    for found in erased:
        click.echo(f"{found.rows:,} rows of {found.table}[{found.partition}] erased")
    known = seen(str(WorkerSettings().registry), [found for found in erased if found.table == CLICKS.name])
    click.echo(f"models that had seen them: {', '.join(known.had) or 'none'}")
    if known.unknown:
        click.echo(f"models that do not say: {', '.join(known.unknown)}")
