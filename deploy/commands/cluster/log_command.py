"""`pathcast log ingest | stats | repair | export | compact | forget`."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.commands.cluster.ingest_command import ingest
from deploy.commands.cluster.log_forget_command import forget
from deploy.terminal.failures import telling
from deploy.terminal.help_pages import Group
from deploy.terminal.out_file import OUT
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import parsed_time

if TYPE_CHECKING:
    from trainer.eventlog.refused_rows import Refusals


@click.group(cls=Group)
def command() -> None:
    """Keep the event log: clicks and answers from Kafka as Parquet files, at PATHCAST_TRAINER_LOG."""


command.add_command(ingest)
command.add_command(forget)


@command.command("stats")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.option(
    "--metrics",
    type=OUT,
    help="Write gauges to this file, for the textfile collector of Prometheus.",
)
@click.option("--check", is_flag=True, help="Exit with 3 if too many rows are refused.")
def stats_command(as_json: bool, metrics: Path | None, check: bool) -> None:
    """Show what the log holds: rows, files, days, and which rows were refused or dropped and why.

    Exits with 1 if a file is missing or has another size than was written, and names it. If more rows are
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
    """Read refused rows again with this program, and store what it can read now in the log's columns.

    The log has the original bytes of these rows, so no topic is read. Sealed answers need
    PATHCAST_ENVELOPE_KEY_FILE, and Kafka for the keys of their visitors. Rows of forgotten visitors are
    erased. The command can be killed and repeated.

    Exits with 1 if a file is missing or has other bytes than were written, and names it, after all other
    files are repaired.
    """
    from deploy.cluster.records import now_ms
    from deploy.runs.event_log import opened, tables
    from deploy.terminal import log_report
    from trainer.eventlog.log_erasure import Forgetting
    from trainer.eventlog.repair import repair

    log, by_name = opened(), {rows.table.name: rows for rows in tables().values()}
    with telling(lambda: "Repeat the command: rows that are repaired stay so"):
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
@renamed_option(
    "--limit", old="--most", type=click.IntRange(1), help="Export only this many of the newest clicks."
)
@click.option("--since", callback=parsed_time, help="Export no clicks before this event time (UTC).")
def export(file: Path, limit: int | None, since: int | None) -> None:
    """Write the log's clicks to one Parquet FILE, for all commands that read logs."""
    from deploy.runs.event_log import opened
    from trainer.eventlog import slices

    made = slices.write(opened(), file, limit, since)
    click.echo(f"{made.clicks:,} clicks written to {file}")


@command.command("compact")
def compact_command() -> None:
    """Merge small files, drop days beyond their retention, and remove files that no manifest names."""
    from deploy.cluster.records import now_ms
    from deploy.runs.event_log import opened
    from trainer.eventlog.tidy import tend
    from trainer.settings import TrainerSettings

    settings, now = TrainerSettings(), now_ms()
    with telling(lambda: "Repeat the command: what is merged or removed stays so"):
        tended = tend(opened(settings), now, settings.keep_days)
    click.echo(
        f"{tended.merged:,} files merged, {tended.expired:,} rows expired, {tended.swept:,} files removed"
    )
