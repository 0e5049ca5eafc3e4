"""`pathcast replay FILE`."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.runs.progress_bar import ProgressLines, interactive
from deploy.terminal.dialect_options import dialect_options
from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.log_options import FILE, Events, LogPlace, as_files, shop_log
from deploy.terminal.map_option import mapping_option
from deploy.terminal.renamed_options import renamed_option
from models.contract.aliases import EventNames
from trainer.tables.dialect import Dialect

if TYPE_CHECKING:
    from deploy.cluster.replay import Pace, PublishedItems, ReplayReport


DEFAULT_RATE = 1_000.0


def _pace(rate: float | None, speed: float | None, unthrottled: bool) -> Pace:
    if sum((rate is not None, speed is not None, unthrottled)) > 1:
        raise click.UsageError("--rate, --speed and --unthrottled exclude each other: give one")
    if not math.isfinite(rate or speed or 1.0):
        raise click.BadParameter("--rate and --speed must be finite; --unthrottled sends without a limit")
    from deploy.cluster.replay import Pace

    if unthrottled:
        return Pace()
    return Pace(rate=None if speed else rate or DEFAULT_RATE, speed=speed)


@click.command()
@click.argument("file", type=Events())
@mapping_option
@event_map_option
@dialect_options()
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Events per second  [1000].")
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    help="Keep the log's own pauses, this many times faster.",
)
@renamed_option("--unthrottled", old="--max", is_flag=True, help="Send as fast as possible.")
@click.option(
    "--shift-to-now",
    is_flag=True,
    help="Shift event times so that the newest is now (with --speed up to 1: the first). Event ids change "
    "with them: otherwise workers would ignore the events as repeats of an earlier replay.",
)
@click.option("--sort", is_flag=True, help="Sort by event time first (the log must fit into memory).")
@click.option(
    "--items",
    type=FILE,
    help="Catalogue to publish first  [the items of the log that the catalogue does not have].",
)
@click.option(
    "--replace-items",
    is_flag=True,
    help="Without --items: describe items that the catalogue has already by what the log says of them.",
)
@click.option("--limit", type=click.IntRange(1), help="Send only the first rows, this many.")
@click.option("--topic", help="Topic to send to  [clicks].")
def command(
    file: Path | LogPlace,
    mapping: dict[str, str],
    names: EventNames,
    dialect: Dialect,
    rate: float | None,
    speed: float | None,
    unthrottled: bool,
    shift_to_now: bool,
    sort: bool,
    items: Path | None,
    replace_items: bool,
    limit: int | None,
    topic: str | None,
) -> None:
    """Send an event log to the clicks topic: CSV, JSON or Parquet, also compressed, or an event log's folder.

    Columns of known logs are recognised; --map maps others. Records get the current time as their timestamp;
    the header `original-time` carries the time of the event.
    """
    pace = _pace(rate, speed, unthrottled)
    from deploy.cluster.clients import connection
    from deploy.cluster.records import RecordSource, now_ms
    from deploy.cluster.replay import check_topic, publish_items, replay
    from streams.config.topics import TopicNames

    topics, to = TopicNames(), connection()
    # If the first of faster events were now, later ones would lie in the future.
    latest = pace.speed is None or pace.speed > 1
    with as_files([file]) as files:
        log = shop_log(files, items, mapping, names, dialect, names_matter=False)
        shift = now_ms() if shift_to_now else None
        source = RecordSource(
            log.events[0], log.mapping, limit, shift, latest, sort, log.names, log.dialect, log.items_mapping
        )
        check_topic(to, topic or topics.clicks)
        _tell(publish_items(to, source, items, topics.items, replace_items), topics.items)
        if shift_to_now:
            click.echo("event times are shifted to now, event ids are new: answers do not have the log's ids")
        with _stopping() as stop, _bar(source.rows()) as progress:
            report = replay(to, source, pace, topic or topics.clicks, progress, stop)
    _conclude(report, topic or topics.clicks)


def _tell(published: PublishedItems, topic: str) -> None:
    click.echo(f"{published.sent:,} items published to {topic}")
    if published.kept:
        advice = "--replace-items describes them by the log, which has no stock and no status"
        click.echo(f"{published.kept:,} items of the log are in the catalogue already and stay: {advice}")


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """The first Ctrl-C sets the event, so that sent records are still acknowledged; a second interrupts."""
    stop = threading.Event()

    def on_interrupt(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, previous)
        stop.set()

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)


class _Bar:
    def __init__(self, progress: Progress, total: int | None) -> None:
        self._progress, self._task = progress, progress.add_task("replay", total=total, rate=0.0)

    def __call__(self, report: ReplayReport) -> None:
        self._progress.update(self._task, completed=report.sent, rate=report.rate)


class _Lines:
    def __init__(self, lines: ProgressLines, total: int | None) -> None:
        self._lines, self._of = lines, f" of {total:,}" if total else ""

    def __call__(self, report: ReplayReport) -> None:
        self._lines(f"{report.sent:,}{self._of} events sent, {report.rate:,.0f}/s", "sending")


@contextmanager
def _bar(total: int | None) -> Iterator[_Bar | _Lines]:
    console = Console(stderr=True)
    if not interactive(console):
        with ProgressLines(console, "sending") as lines:
            yield _Lines(lines, total)
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bar(progress, total)


def _conclude(report: ReplayReport, topic: str) -> None:
    click.echo(f"{report.sent:,} events sent to {topic} in {report.seconds:.1f} s ({report.rate:,.0f}/s)")
    if report.out_of_order:
        warning = f"{report.out_of_order:,} rows are older than the row before them: use --sort"
        click.echo(f"warning: {warning}", err=True)
    if report.failed:
        raise click.ClickException(
            f"Kafka did not accept {report.failed:,} of them; last error: {report.failure}. Check the rights "
            f"on {topic} and its max.message.bytes, then repeat the command: workers count what they have "
            "answered as duplicates while they remember it"
        )
