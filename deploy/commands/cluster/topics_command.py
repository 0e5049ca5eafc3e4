"""`pathcast topics`."""

import click

from deploy.terminal.option_defaults import DEFAULT_PARTITIONS


@click.command()
@click.option(
    "--partitions",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_PARTITIONS,
    show_default=True,
    help="Partitions of new topics keyed by visitor.",
)
@click.option(
    "--replication",
    type=int,
    default=-1,
    help="Replicas of new topics  [the default of the cluster].",
)
def command(partitions: int, replication: int) -> None:
    """Create missing topics and check all of them.

    New topics keyed by visitor get as many partitions as existing ones, or else --partitions.
    """
    from deploy.cluster.clients import admin, connection
    from deploy.cluster.topic_creation import counts, ensure
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    to, names = connection(), TopicNames()
    sealing = WorkerSettings().envelope_key_file is not None
    created = ensure(to, names, partitions, replication, sealing)
    with admin(to) as client:
        for topic, count in counts(client, names).items():
            click.echo(f"{topic:<24} {count:>4} partitions  {'created' if topic in created else 'was there'}")
