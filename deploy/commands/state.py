"""`pathcast state show | rebase | copies`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from deploy.help_pages import Group
from deploy.moments import told
from deploy.tables import print_table

if TYPE_CHECKING:
    from deploy.state import Standing


#: The broker looks for members that are silent for too long only now and then.
GRACE_SECONDS = 5.0


@click.group(cls=Group)
def command() -> None:
    """How far the workers' state has read each partition, and setting that anew."""


@command.command()
def show() -> None:
    """The fence of each partition beside the input log as it is now."""
    from deploy.kafka import connection
    from deploy.state import standings
    from streams.settings import WorkerSettings
    from streams.topics import TopicNames

    _print(standings(connection(), WorkerSettings().application_id, TopicNames().clicks))


@command.command("rebase")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--to",
    "target",
    type=click.Choice(["start", "end"]),
    default="start",
    show_default=True,
    help="Read the topic from there on.",
)
def rebase_command(yes: bool, target: str) -> None:
    """Keep the state, and let it belong to the clicks topic as it is now.

    For a topic that was recreated or truncated, or a moved broker. Events of the old topic that come again
    are recognised only among the latest of their visitor. Workers must be stopped.
    """
    from deploy.kafka import connection
    from deploy.state import await_idle, rebase, standings
    from streams.settings import WorkerSettings
    from streams.topics import TopicNames

    to, settings, topic = connection(), WorkerSettings(), TopicNames().clicks
    application_id = settings.application_id
    with Console(stderr=True).status(f"waiting until no worker is a member of {application_id}"):
        await_idle(to, application_id, settings.session_timeout_seconds + GRACE_SECONDS)
    found = standings(to, application_id, topic)
    _print(found)
    if not yes:
        click.confirm(f"Let the state of {application_id} go on from the {target} of {topic}?", abort=True)
    written = rebase(to, application_id, found, target == "end")
    click.echo(
        f"{len(written)} of {len(found)} partitions rebased to the {target} of {topic}; start the workers"
    )


@command.command("copies")
@click.option("--lost", metavar="WORKER", help="This worker's datadir is no more: take back what it said.")
def copies_command(lost: str | None) -> None:
    """Where the state lies as files: of the partitions' owners, and of former ones until they delete theirs.

    A worker that has ended cannot say that its datadir was removed; say it for it.
    """
    from deploy.kafka import connection
    from deploy.privacy import copies
    from streams.topics import TopicNames

    to, topic = connection(), TopicNames().state_copies
    if lost is not None:
        taken = copies.lost(to, topic, lost)
        click.echo(f"{len(taken)} copies at {taken[0].place} are taken back", err=True)
    table = Table("worker", "place", "partition", "clean up to the erasure of")
    for copy in copies.copies(to, topic):
        clean = told(copy.rewritten) if copy.rewritten else "-"
        table.add_row(copy.worker, copy.place, str(copy.partition), clean)
    print_table(table)


def _print(found: list[Standing]) -> None:
    table = Table("partition", "state's topic id", "position", "watermark", "log", "")
    for one in found:
        table.add_row(*_row(one))
    print_table(table)


def _row(one: Standing) -> tuple[str, ...]:
    log = f"{one.begin:,} to {one.end:,}"
    if one.fence is None:
        return str(one.partition), "-", "-", "-", log, "nothing applied yet"
    verdict = "goes on" if one.fits else f"refused: the topic is {one.topic_id}"
    ids, positions = one.fence.positions.keys(), one.fence.positions.values()
    reached = told(one.fence.watermark)
    return str(one.partition), "\n".join(ids), "\n".join(f"{n:,}" for n in positions), reached, log, verdict
