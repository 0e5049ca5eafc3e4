"""What to do where `clicks` got, or is to get, other partitions than the state has.

The state cannot be divided in place. A visitor is in the partition that the producers' partitioner chose for
the bytes of a key; the state knows only ids or pseudonyms, and counts over all visitors of a partition.
"""

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from deploy.cluster.clients import admin, consumer, drain, producer
from deploy.cluster.state import StateCommandError, last_checkpoint, no_state
from deploy.cluster.topic_creation import counts
from streams.config.connection import Connection
from streams.config.topic_names import changelog_of
from streams.config.topics import TopicNames
from streams.transport.topic_metadata import describer


def partitions_now(to: Connection, names: TopicNames, application_id: str) -> tuple[int, int]:
    """Partitions of the state and of `clicks`. Raises StateCommandError where there is no state."""
    changelog = changelog_of(application_id)
    with consumer(to) as client:
        kept = client.partitions_for_topic(changelog)
    if not kept:
        raise no_state(changelog)
    with admin(to) as client:
        return len(kept), counts(client, names).get(names.clicks, 0)


def keeping(names: TopicNames, kept: int) -> list[str]:
    """The steps that keep the state and its number of partitions, with another topic of clicks."""
    new = f"{names.clicks}-{kept}"
    return [
        "stop the workers",
        f"PATHCAST_TOPIC_CLICKS={new} pathcast topics --partitions {kept}",
        f"stop the producers; pathcast state grow --carry-over-to {new}",
        f"let producers write to {new}",
        f"PATHCAST_TOPIC_CLICKS={new} pathcast state rebase",
        f"start the workers with PATHCAST_TOPIC_CLICKS={new}; keep it for the trainer and all commands",
    ]


def growing(names: TopicNames, application_id: str, wanted: int) -> list[str]:
    """The steps to an installation with more partitions, whose state is made from the clicks again."""
    keyed = {role: name for role, name in names.model_dump().items() if name in names.by_visitor}
    exports = " ".join(f"PATHCAST_TOPIC_{role.upper()}={name}-{wanted}" for role, name in keyed.items())
    own = f"PATHCAST_APPLICATION_ID={application_id}-{wanted} PATHCAST_DATADIR=... PATHCAST_TRAINER_LOG=..."
    return [
        "stop the producers; pathcast log ingest; pathcast log export clicks.parquet",
        f"for all that follows: export {own} {exports}",
        f"pathcast topics --partitions {wanted}",
        "start workers; pathcast replay clicks.parquet --unthrottled",
        f"let producers write to {names.clicks}-{wanted}",
        "stop the old workers; delete their topics once nothing reads them",
    ]


def carry_over(to: Connection, names: TopicNames, application_id: str, target: str) -> int:
    """Copy clicks that the state has not read to `target`, oldest first; returns how many.

    Bytes, headers and timestamps stay. Keys go where the default partitioner (murmur2) sends them; requests
    to forget stay in their partitions. Raises StateCommandError unless `target` is empty and fits the state.
    """
    kept, _ = partitions_now(to, names, application_id)
    _check_target(to, target, kept)
    futures = []
    with ExitStack() as stack, producer(to, max_request_size=4 << 20) as sender:
        merged = heapq.merge(*_unread(stack, to, names, application_id), key=lambda one: one.timestamp)
        for record in merged:
            headers = [(name, value or b"") for name, value in record.headers]
            partition = record.partition if record.value is None and record.partition < kept else None
            futures.append(
                sender.send(target, record.value, record.key, headers, partition, record.timestamp)
            )
        sender.flush()
    if refused := [future.exception for future in futures if future.failed()]:
        raise StateCommandError(
            f"{len(refused):,} of {len(futures):,} clicks were refused, the last by {refused[-1]!r}: "
            f"delete {target}, make it again and repeat the command"
        )
    return len(futures)


def _check_target(to: Connection, target: str, kept: int) -> None:
    ends = describer(to.kafka_python())([target])[target][1]
    if len(ends) != kept or any(ends.values()):
        raise StateCommandError(
            f"{target} has {len(ends)} partitions and {sum(ends.values()):,} records, expected {kept} and 0: "
            f"name a new topic, made by `PATHCAST_TOPIC_CLICKS=... pathcast topics --partitions {kept}`; "
            "producers may write to it once this command is done"
        )


def _unread(
    stack: ExitStack, to: Connection, names: TopicNames, application_id: str
) -> Iterator[Iterator[Any]]:
    """By partition of `clicks` the records after the state's position."""
    topic, changelog = names.clicks, changelog_of(application_id)
    topic_id, ends = describer(to.kafka_python())([topic])[topic]
    positions = dict.fromkeys(ends, 0)
    client = stack.enter_context(consumer(to))
    for partition in client.partitions_for_topic(changelog):
        found = last_checkpoint(client, changelog, partition)
        positions[partition] = found.positions.get(topic_id, 0) if found else 0
    for partition, position in positions.items():
        yield drain(stack.enter_context(consumer(to)), topic, partition, position)
