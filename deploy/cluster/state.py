"""Read the checkpoints of an installation's state from its changelog, and rebase them on request."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from kafka import TopicPartition

from deploy.cluster.clients import admin, consumer, drain
from models.errors import PathcastError
from streams.config.connection import Connection
from streams.config.topic_checks import check_state
from streams.config.topic_names import changelog_of as changelog_of
from streams.errors import PositionError
from streams.protocol.group_requests import Membership
from streams.transport import state_checkpoint as checkpoints
from streams.transport.state_checkpoint import CHECKPOINT_KEY, StateCheckpoint
from streams.transport.takeover import Places, take_over
from streams.transport.topic_metadata import describer
from streams.transport.worker_producer import Guard, PartitionMessages, WorkerProducer

#: A checkpoint is the last record of its transaction: it is near the end, unless much was aborted after it.
FIRST_LOOK = 5_000
TRANSACTION_TIMEOUT_MS = 60_000


class StateCommandError(PathcastError):
    """The state cannot be shown or rebased at present."""


class TopicLog(NamedTuple):
    """The present log of a partition of an input topic."""

    topic: str
    topic_id: str
    begin: int
    end: int


class PartitionPosition(NamedTuple):
    """One partition: its checkpoint (None where nothing was ever applied) and the input logs as they are now.

    `topic_id`, `begin` and `end` are those of clicks.
    """

    partition: int
    checkpoint: StateCheckpoint | None
    topic_id: str
    begin: int
    end: int
    sides: tuple[TopicLog, ...] = ()

    def names(self, topic: str) -> dict[str, str]:
        """Names of the input topics by id; `topic` is that of clicks."""
        return {self.topic_id: topic, **{one.topic_id: one.topic for one in self.sides}}

    @property
    def deleted_unread(self) -> int:
        """Clicks after the position that retention has deleted; a worker will count them as lost."""
        position = self.checkpoint.positions.get(self.topic_id) if self.checkpoint else None
        return 0 if position is None else max(0, self.begin - position)

    @property
    def fits(self) -> bool:
        """Whether a worker accepts this checkpoint."""
        ends = {self.topic_id: self.end, **{one.topic_id: one.end for one in self.sides}}
        topics = {topic_id: (topic_id, {self.partition: end}) for topic_id, end in ends.items()}
        try:
            checkpoints.check(self.checkpoint or StateCheckpoint(), self.partition, topics)
        except PositionError:
            return False
        return True

    def rebased(self, to_end: bool) -> StateCheckpoint:
        """A checkpoint with the same event time, at the start or the end of the present log.

        A side input keeps its position if the topic is still the same. Else it is read from its start, which
        is safe because its records do not depend on when they are read.
        """
        old = self.checkpoint or StateCheckpoint()
        positions = {self.topic_id: self.end if to_end else self.begin}
        for one in self.sides:
            known = old.positions.get(one.topic_id, one.begin)
            positions[one.topic_id] = known if known <= one.end else one.begin
        return StateCheckpoint(positions, old.watermark, old.clock, lost=old.lost)


def no_state(changelog: str) -> StateCommandError:
    """The error where the changelog does not exist."""
    return StateCommandError(
        f"no topic {changelog}: no worker of this installation ever ran here; name the right one with "
        "PATHCAST_APPLICATION_ID"
    )


def partition_positions(
    to: Connection, application_id: str, topic: str, sides: Sequence[str] = ()
) -> list[PartitionPosition]:
    """Every partition of `topic`; `sides` are the other inputs.

    Raises StateCommandError if there is no state, SetUpError if there is no topic, KafkaUnreachable if no
    broker answers.
    """
    changelog = changelog_of(application_id)
    with consumer(to) as client:  # comes first because it explains why no broker answers
        topics = describer(to.kafka_python())([topic, *sides])
        ends = topics[topic][1]
        _check_partitions(client.partitions_for_topic(changelog), changelog, topic, ends)
        wanted = [TopicPartition(name, partition) for name in topics for partition in topics[name][1]]
        begins = client.beginning_offsets(wanted)
        found = {partition: last_checkpoint(client, changelog, partition) for partition in ends}

    def log(name: str, partition: int) -> TopicLog:
        topic_id, ends = topics[name]
        return TopicLog(name, topic_id, begins[TopicPartition(name, partition)], ends[partition])

    def standing(partition: int) -> PartitionPosition:
        logs = tuple(log(name, partition) for name in sides)
        return PartitionPosition(partition, found[partition], *log(topic, partition)[1:], logs)

    return [standing(partition) for partition in sorted(ends)]


def _check_partitions(found: Any, changelog: str, topic: str, ends: Mapping[int, int]) -> None:
    if not found:
        raise no_state(changelog)
    check_state(changelog, len(found), topic, len(ends))


def last_checkpoint(client: Any, changelog: str, partition: int) -> StateCheckpoint | None:
    """The newest checkpoint of a partition's state, by a consumer of committed records; None: no state."""
    part = TopicPartition(changelog, partition)
    begin, end = client.beginning_offsets([part])[part], client.end_offsets([part])[part]
    look, value = FIRST_LOOK, None
    while value is None and end > begin:
        for record in drain(client, part.topic, part.partition, max(begin, end - look)):
            value = record.value if record.key == CHECKPOINT_KEY else value
        if end - look <= begin:
            break
        look *= 8
    return None if value is None else _read(value)


def _read(value: bytes) -> StateCheckpoint:
    """An unreadable checkpoint counts as a foreign one, which rebasing repairs. Raises PositionError."""
    try:
        msgspec.msgpack.decode(value, type=StateCheckpoint)
    except msgspec.DecodeError:
        return StateCheckpoint({"unreadable": 0})
    return checkpoints.decode(value)


def rebase(
    to: Connection, application_id: str, topic: str, found: list[PartitionPosition], to_end: bool
) -> list[int]:
    """Rewrite existing checkpoints in one transaction, which also moves the group's positions of `topic`.

    Workers that were frozen are fenced. Returns the partitions written. Call `await_idle` first. Raises
    TransactionError, and SetUpError where transactions of workers do not end.
    """
    known = [one for one in found if one.checkpoint is not None]
    if known:
        asyncio.run(_write(to, application_id, topic, known, to_end))
    return [one.partition for one in known]


async def _write(
    to: Connection, application_id: str, topic: str, found: list[PartitionPosition], to_end: bool
) -> None:
    changelog = changelog_of(application_id)
    places = Places(application_id, topic, changelog, outputs=(), routed=())
    producer = WorkerProducer(f"{application_id}-rebase", TRANSACTION_TIMEOUT_MS, to.aiokafka())
    await producer.open()
    try:
        await take_over(producer, None, [one.partition for one in found], places)
        written = {one.partition: one.rebased(to_end) for one in found}
        parts = [
            PartitionMessages(
                partition, {}, {}, changelog, [(CHECKPOINT_KEY, checkpoints.encode(checkpoint))]
            )
            for partition, checkpoint in written.items()
        ]
        positions = {one.partition: written[one.partition].positions[one.topic_id] for one in found}
        await producer.publish(parts, Guard(Membership.nobody(application_id), topic, positions))
    finally:
        await producer.close()


def await_idle(to: Connection, application_id: str, seconds: float) -> None:
    """Return once the installation's group has no members. Raises StateError after `seconds`.

    A worker that exits without leaving the group stays a member until its session times out, as does a worker
    that refuses its checkpoint.
    """
    deadline = time.monotonic() + seconds
    while members := _members(to, application_id):
        if time.monotonic() > deadline:
            raise StateCommandError(
                f"workers of {application_id} are running ({len(members)} members of its group, at "
                f"{', '.join(sorted(set(members)))}): stop them first, then rebase, then start them again"
            )
        time.sleep(1.0)


def _members(to: Connection, application_id: str) -> list[str]:
    """The addresses of the group's members."""
    with admin(to) as client:
        described = client.describe_groups([application_id])
    return [str(member["client_host"]) for group in described.values() for member in group["members"]]
