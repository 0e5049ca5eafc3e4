"""`pathcast state show | rebase | grow | copies | strike`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.terminal.help_pages import Group
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import utc_text

if TYPE_CHECKING:
    from deploy.cluster.state import PartitionPosition
    from streams.config.connection import Connection


#: The broker checks for silent members only from time to time.
GRACE_SECONDS = 5.0


@click.group(cls=Group)
def command() -> None:
    """Show or change how far the workers' state has read each partition, and list its copies."""


@command.command()
def show() -> None:
    """Show the checkpoint of each partition next to the topics as they are now."""
    from deploy.cluster.clients import connection
    from deploy.cluster.state import partition_positions
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    names = TopicNames()
    _print(
        partition_positions(connection(), WorkerSettings().application_id, names.clicks, names.sides),
        names.clicks,
    )


@command.command("rebase")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--to",
    "target",
    type=click.Choice(["start", "end"]),
    default="start",
    show_default=True,
    help="Where reading of the topic continues.",
)
def rebase_command(yes: bool, target: str) -> None:
    """Keep the state and attach it to the clicks topic as it is now.

    Use this after a topic was recreated or truncated, or after a broker was moved. Repeated events of the old
    topic are recognised only among the latest ones of their visitor. Other inputs continue where reading
    stopped, new ones from their start. Workers must be stopped.
    """
    from deploy.cluster.clients import connection
    from deploy.cluster.state import await_idle, partition_positions, rebase
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    to, settings, names = connection(), WorkerSettings(), TopicNames()
    topic = names.clicks
    application_id = settings.application_id
    with Console(stderr=True).status(f"waiting until no worker is a member of {application_id}"):
        await_idle(to, application_id, settings.session_timeout_seconds + GRACE_SECONDS)
    found = partition_positions(to, application_id, topic, names.sides)
    _print(found, topic)
    if not yes:
        click.confirm(f"Continue the state of {application_id} from the {target} of {topic}?", abort=True)
    written = rebase(to, application_id, topic, found, target == "end")
    click.echo(
        f"{len(written)} of {len(found)} partitions rebased to the {target} of {topic}; start the workers"
    )


@command.command("grow")
@click.option("--partitions", type=click.IntRange(1, 10_000), help="The number that `clicks` is to have.")
@click.option(
    "--carry-over-to",
    metavar="TOPIC",
    help="Copy the clicks that the state has not read to this new, empty topic of clicks.",
)
def grow_command(partitions: int | None, carry_over_to: str | None) -> None:
    """Say how an installation gets more partitions, or goes on where `clicks` got some by mistake.

    The state of visitors cannot be divided in place, so this command lists the steps and changes nothing.
    With --carry-over-to it does the one step that no other command does; workers must be stopped.
    """
    from deploy.cluster.clients import connection
    from deploy.cluster.state import await_idle
    from deploy.cluster.state_growth import carry_over, growing, keeping, partitions_now
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    to, names, settings = connection(), TopicNames(), WorkerSettings()
    application_id = settings.application_id
    if carry_over_to is not None:
        await_idle(to, application_id, settings.session_timeout_seconds + GRACE_SECONDS)
        copied = carry_over(to, names, application_id, carry_over_to)
        click.echo(f"{copied:,} unread clicks of {names.clicks} copied to {carry_over_to}")
        return
    kept, found = partitions_now(to, names, application_id)
    wanted = partitions or max(found, kept + 1)
    click.echo(f"{names.clicks} has {found} partitions, the state of {application_id} has {kept}.")
    click.echo("A state cannot be divided in place.")
    if found != kept:
        _steps(f"To go on with {kept} partitions and the state as it is:", keeping(names, kept))
    _steps(
        f"To have {wanted} partitions, with a state made from the clicks again:",
        growing(names, application_id, wanted),
    )


def _steps(title: str, steps: list[str]) -> None:
    click.echo(f"\n{title}")
    for number, step in enumerate(steps, start=1):
        click.echo(f"  {number}. {step}")


@command.command("copies")
@renamed_option(
    "--remove-worker",
    old="--lost",
    metavar="WORKER",
    help="First do `pathcast state strike WORKER --yes`.",
)
def copies_command(remove_worker: str | None) -> None:
    """List the copies of the state on disk: those of owners, and of former owners until they delete theirs.

    A worker that has ended cannot report that its datadir was deleted; `pathcast state strike` records it.
    """
    from deploy.cluster.clients import connection
    from deploy.privacy import copy_confirmations
    from streams.config.topics import TopicNames

    to, topic = connection(), TopicNames().state_copies
    if remove_worker is not None:
        _strike(to, topic, remove_worker)
    table = Table("worker", "place", "partition", "clean up to the erasure of")
    for copy in copy_confirmations.copies(to, topic):
        clean = utc_text(copy.rewritten) if copy.rewritten else "-"
        table.add_row(copy.worker, copy.place, str(copy.partition), clean)
    print_table(table)


@command.command()
@click.argument("worker")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def strike(worker: str, yes: bool) -> None:
    """Remove a WORKER whose datadir was deleted from the list of copies, so that no erasure waits for it.

    Do not use this for a host that is only switched off: its files still hold forgotten visitors. A worker
    that starts on such a datadir announces it again, and deletes or rewrites the files.
    """
    from deploy.cluster.clients import connection
    from deploy.privacy import copy_confirmations
    from streams.config.topics import TopicNames

    to, topic = connection(), TopicNames().state_copies
    if not yes:
        place = copy_confirmations.of_worker(to, topic, worker)[0].place
        click.confirm(f"Was the datadir at {place} deleted, not only switched off?", abort=True)
    _strike(to, topic, worker)


def _strike(to: Connection, topic: str, worker: str) -> None:
    from deploy.privacy import copy_confirmations
    from streams.config.worker_settings import WorkerSettings

    taken = copy_confirmations.strike(to, topic, WorkerSettings().application_id, worker)
    click.echo(f"{len(taken)} copies at {taken[0].place} are removed from the list", err=True)


def _print(found: list[PartitionPosition], topic: str) -> None:
    table = Table("partition", "state's topic", "position", "watermark", "log", "lost", "verdict")
    for one in found:
        table.add_row(*_row(one, topic))
    print_table(table)
    for line in _lost(found, topic):
        click.echo(line)


def _lost(found: list[PartitionPosition], topic: str) -> Iterator[str]:
    """How many clicks retention has deleted unread, and where."""
    for one in found:
        counted, coming = one.checkpoint.lost if one.checkpoint else 0, one.deleted_unread
        if counted or coming:
            unread = f" ({coming:,} of them not counted by a worker yet)" if coming else ""
            yield (
                f"{topic}[{one.partition}]: retention deleted {counted + coming:,} clicks before they were "
                f"read{unread}"
            )


def _row(one: PartitionPosition, topic: str) -> tuple[str, ...]:
    logs = [(topic, one.begin, one.end), *((side.topic, side.begin, side.end) for side in one.sides)]
    log = "\n".join(f"{name}: {begin:,} to {end:,}" for name, begin, end in logs)
    if one.checkpoint is None:
        return str(one.partition), "-", "-", "-", log, "-", "nothing applied yet"
    names, positions = one.names(topic), one.checkpoint.positions
    now = ", ".join(f"{name} is {topic_id}" for topic_id, name in names.items() if topic_id not in positions)
    verdict = "goes on" if one.fits else f"refused: {now or 'a log is shorter'}"
    reached = utc_text(one.checkpoint.watermark)
    ids = "\n".join(names.get(topic_id, topic_id) for topic_id in positions)
    reached_positions = "\n".join(f"{n:,}" for n in positions.values())
    lost = f"{one.checkpoint.lost + one.deleted_unread:,}"
    return str(one.partition), ids, reached_positions, reached, log, lost, verdict
