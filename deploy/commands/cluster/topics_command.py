"""`pathcast topics`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deploy.terminal.option_defaults import DEFAULT_PARTITIONS

if TYPE_CHECKING:
    from streams.config.connection import Connection
    from streams.config.topic_settings import Difference
    from streams.config.topics import TopicNames


@click.command()
@click.option(
    "--partitions",
    type=click.IntRange(1, 10_000),
    help=f"Partitions of new topics keyed by visitor  [{DEFAULT_PARTITIONS}].",
)
@click.option(
    "--replication",
    type=int,
    default=-1,
    help="Replicas of new topics  [the default of the cluster].",
)
@click.option(
    "--mend",
    is_flag=True,
    help="Set settings of existing topics that differ, and add missing partitions while there is no state.",
)
def command(partitions: int | None, replication: int, mend: bool) -> None:
    """Create missing topics, check all of them, and say what differs from what is needed.

    New topics keyed by visitor get as many partitions as existing ones, or else --partitions. Differences by
    which records are lost end the command with 1; workers refuse to start with them. Others are warnings.
    """
    from deploy.cluster.clients import admin, connection
    from deploy.cluster.topic_creation import counts, ensure
    from deploy.cluster.topic_mending import check_growth, mend_partitions
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    to, names, settings = connection(), TopicNames(), WorkerSettings()
    kept = check_growth(to, names, settings.application_id)
    for name, count in mend_partitions(to, names, kept, partitions or 1).items() if mend else ():
        click.echo(f"{name}: has {count} partitions now")
    sealing = settings.envelope_key_file is not None
    created = ensure(to, names, partitions or DEFAULT_PARTITIONS, replication, sealing)
    with admin(to) as client:
        found = counts(client, names)
    for topic, count in found.items():
        click.echo(f"{topic:<24} {count:>4} partitions  {'created' if topic in created else 'was there'}")
    if not kept and found[names.clicks] == 1:
        click.echo(_single(names), err=True)
    _settle(to, names, mend)


def _single(names: TopicNames) -> str:
    return (
        f"Warning: {names.clicks} has 1 partition (created by the broker?), so one worker at most can work. "
        "This cannot be changed once there is state: "
        f"`pathcast topics --mend --partitions {DEFAULT_PARTITIONS}` adds some to all topics by visitor"
    )


def _settle(to: Connection, names: TopicNames, mend: bool) -> None:
    """Say what differs, after mending it if that is asked for. Raises SetUpError where something must be."""
    from deploy.cluster.topic_mending import found_differences, mend_settings

    wrong = found_differences(to, names)
    if mend and wrong:
        mend_settings(to, wrong)
        for one in wrong:
            click.echo(f"{one.topic}: {one.setting} is {one.value} now, was {one.found}")
        wrong = found_differences(to, names)
    _refuse_or_warn(wrong)


def _refuse_or_warn(wrong: Sequence[Difference]) -> None:
    for one in wrong:
        click.echo(f"{'Error' if one.must else 'Warning'}: {one}", err=True)
    if refused := sum(one.must for one in wrong):
        raise click.ClickException(
            f"{refused} settings of topics lose records, so workers would not start: mend them as said above"
        )
