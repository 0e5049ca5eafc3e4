"""`pathcast log ingest | stats | repair | export | compact | forget`."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.terminal.help_pages import Group
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import moment

if TYPE_CHECKING:
    from trainer.eventlog.refused_rows import Refusals


@click.group(cls=Group)
def command() -> None:
    """The event log: clicks and answers from Kafka as Parquet, at PATHCAST_TRAINER_LOG."""


@command.command("ingest")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--recreated", is_flag=True, help="Go on though a topic was recreated or truncated.")
def ingest_command(follow: bool, recreated: bool) -> None:
    """Write what the topics hold and the log does not; each committed record once, whatever is killed.

    Where more rows are refused than PATHCAST_TRAINER_REFUSED_SHARE allows, a warning says what to do.
    """
    from deploy.runs.event_log import ingest
    from trainer.settings import TrainerSettings

    writer = ingest(TrainerSettings(), recreated)
    rows = 0
    try:
        while follow or not (writer.assigned and writer.behind() == 0):
            rows += writer.step()
        writer.flush()
    finally:
        writer.close()
    for line in writer.watch.told():
        click.echo(line, err=True)
    click.echo(f"{rows:,} rows written")


@command.command("stats")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.option("--metrics", type=OUT, help="Write gauges for Prometheus' textfile collector.")
@click.option("--check", is_flag=True, help="End with code 3 where too many rows are refused.")
def stats_command(as_json: bool, metrics: Path | None, check: bool) -> None:
    """What the log holds: rows, files, days, and what was refused or dropped and why.

    Exits with 1 where a file is gone or has another size than was written, and names it. Where more rows are
    refused than PATHCAST_TRAINER_REFUSED_SHARE allows, a warning says what to do.
    """
    from deploy.runs.event_log import opened
    from deploy.terminal import log_report
    from trainer.eventlog.refused_rows import Refusals, gauges
    from trainer.eventlog.stats import damaged, stats
    from trainer.settings import TrainerSettings

    settings = TrainerSettings()
    log, most = opened(settings), settings.refused_share
    found = stats(log)
    refusals = [Refusals.of(one) for one in found]
    if metrics:
        from prometheus_client import write_to_textfile

        write_to_textfile(str(metrics), gauges(refusals))
    if as_json:
        click.echo(json.dumps(log_report.as_json(log, found, most), indent=1))
    else:
        print_table(log_report.held(found))
        _print_refused(refusals)
        for manifest in log.manifests():
            click.echo(f"{manifest.topic}[{manifest.partition}] up to offset {manifest.next:,}")
    alarms = [alarm for one in refusals if (alarm := one.alarm(most))]
    for alarm in alarms:
        click.echo(f"Warning: {alarm}", err=True)
    _refuse(damaged(log), log.place.url)
    if alarms and check:
        raise SystemExit(3)


def _print_refused(refusals: list[Refusals]) -> None:
    from deploy.terminal import log_report

    shown = log_report.refused(refusals)
    if shown is None:
        click.echo("no row is refused")
    else:
        print_table(shown)


@command.command("repair")
def repair_command() -> None:
    """Read refused rows again with this program, and keep what it can read in the log's columns.

    Their original bytes lie beside them in the log, so no topic is read. Sealed answers need
    PATHCAST_ENVELOPE_KEY_FILE, and Kafka for their visitors' keys. Rows of visitors who were forgotten are
    erased. The command can be killed and repeated.

    Exits with 1 where a file is gone or has other bytes than were written, and names it, when all others are
    repaired.
    """
    from deploy.cluster.records import now_ms
    from deploy.runs.event_log import opened, tables
    from deploy.terminal import log_report
    from trainer.eventlog.log_erasure import Forgetting
    from trainer.eventlog.repair import repair

    log, by_name = opened(), {rows.table.name: rows for rows in tables().values()}
    found = list(repair(log, by_name, Forgetting(log), now_ms()))
    damage = [said for one in found for said in one.damaged]
    counted = [one for one in found if one.read or one.refused]
    lines = [log_report.repaired(table, group) for table, group in groupby(counted, lambda one: one.table)]
    whole = "no row of the other files is refused" if damage else "no row is refused"
    for line in lines or [whole]:
        click.echo(line)
    _refuse(damage, log.place.url)


def _refuse(damage: list[str], url: str) -> None:
    from trainer.eventlog.place import EventLogError

    for said in damage:
        click.echo(said, err=True)
    if damage:
        raise EventLogError(f"{len(damage):,} files in {url} are damaged: restore them from a copy")


@command.command("export")
@click.argument("file", type=OUT)
@click.option("--most", type=click.IntRange(1), help="So many of the newest clicks.")
@click.option("--since", callback=moment, help="No clicks before this event time.")
def export(file: Path, most: int | None, since: int | None) -> None:
    """Write the log's clicks to one Parquet FILE, which every command that takes a log reads."""
    from deploy.runs.event_log import opened
    from trainer.eventlog import slices

    made = slices.write(opened(), file, most, since)
    click.echo(f"{made.clicks:,} clicks written to {file}")


@command.command("compact")
def compact_command() -> None:
    """Merge small files, drop days beyond their retention, remove what no manifest names."""
    from deploy.cluster.records import now_ms
    from deploy.runs.event_log import opened
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
    from deploy.cluster.records import now_ms
    from deploy.runs.event_log import opened
    from streams.config.secret_file import pseudonyms
    from streams.config.worker_settings import WorkerSettings
    from trainer.eventlog.log_erasure import forget
    from trainer.eventlog.log_tables import CLICKS
    from trainer.promotion.seen import seen

    hidden = pseudonyms(WorkerSettings().pseudonym_key_file)
    called = {*visitors, *(hidden.visitor(one.encode()) for one in visitors if hidden)}
    erased = forget(opened(), called, now_ms())
    for found in erased:
        click.echo(f"{found.rows:,} rows of {found.table}[{found.partition}] erased")
    known = seen(str(WorkerSettings().registry), [found for found in erased if found.table == CLICKS.name])
    click.echo(f"models that had seen them: {', '.join(known.had) or 'none'}")
    if known.unknown:
        click.echo(f"models that do not say: {', '.join(known.unknown)}")
