"""kafka-python clients for everything outside the worker, with errors that say what to do."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, UnknownError

from deploy.broker.broker import Broker
from deploy.terminal.failure_kinds import said
from models.errors import PathcastError
from streams.config.connection import Connection

Decoded = TypeVar("Decoded")
BOOTSTRAP_MS = 5_000
#: Seconds after which a producer gives a record up, and some more.
FLUSH_SECONDS = 150.0
#: Seconds without a record, though there are more, after which a broker counts as gone.
SILENT_SECONDS = 60.0


class KafkaUnreachable(PathcastError):
    """No broker answers at the configured address, or the broker refuses the credentials."""


def connection() -> Connection:
    """The cluster of KAFKA_BOOTSTRAP_SERVERS, else the bundled broker at its port."""
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return Connection()
    broker = Broker()
    running = broker.running()
    return Connection(bootstrap_servers=f"127.0.0.1:{running.port if running else broker.port}")


@contextmanager
def admin(to: Connection) -> Iterator[Any]:
    """An admin client. Raises KafkaUnreachable."""
    with _explained(to):
        client = KafkaAdminClient(**to.kafka_python(), bootstrap_timeout_ms=BOOTSTRAP_MS)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def producer(to: Connection, **options: Any) -> Iterator[Any]:
    """An idempotent producer tuned for throughput; it flushes on close. Raises KafkaUnreachable."""
    settings = {"acks": "all", "linger_ms": 20, "batch_size": 256 << 10, **options}
    with _explained(to):
        client = KafkaProducer(**to.kafka_python(), **settings, bootstrap_timeout_ms=BOOTSTRAP_MS)
    try:
        yield client
        flush(client)
    finally:
        client.close()


def flush(client: Any) -> None:
    """Return once each record is accepted or refused; its future says which. Raises KafkaError."""
    deadline = time.monotonic() + FLUSH_SECONDS
    while True:
        try:
            client.flush()
        except (
            UnknownError
        ):  # a batch was larger than the topic takes and was split: its halves are under way
            if time.monotonic() > deadline:
                raise
        else:
            return


@contextmanager
def consumer(to: Connection, **options: Any) -> Iterator[Any]:
    """A consumer without a group that reads committed records only. Raises KafkaUnreachable."""
    settings = {
        "group_id": None,
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",
        **options,
    }
    with _explained(to):
        client = KafkaConsumer(**to.kafka_python(), **settings, bootstrap_timeout_ms=BOOTSTRAP_MS)
    try:
        yield client
    finally:
        client.close()


def drain(client: Any, topic: str, partition: int | None = None, offset: int = 0) -> Iterator[Any]:
    """The records of a topic (of one partition from `offset` on), up to its end at the time of the call.

    Raises KafkaUnreachable if there is no such topic.
    """
    for records in drain_batches(client, topic, partition, offset):
        yield from records


def latest_values(client: Any, topic: str, decode: Callable[[bytes], Decoded]) -> list[Decoded]:
    """The last value of each key, the last written one last; deleted ones are left out.

    Raises KafkaUnreachable as `drain` does, and what `decode` raises.
    """
    found: dict[bytes, Decoded] = {}
    for record in drain(client, topic):
        found.pop(record.key, None)
        if record.value is not None:
            found[record.key] = decode(record.value)
    return list(found.values())


def drain_batches(
    client: Any, topic: str, partition: int | None = None, offset: int = 0
) -> Iterator[list[Any]]:
    """The same records in batches, each of one partition."""
    every = client.partitions_for_topic(topic)
    if not every or (partition is not None and partition not in every):
        raise KafkaUnreachable(
            f"no topic {topic!r} with a partition {partition or 0}: create it (pathcast topics)"
        )
    parts = [TopicPartition(topic, found) for found in sorted(every) if partition in (None, found)]
    client.assign(parts)
    ends, starts = client.end_offsets(parts), client.beginning_offsets(parts)
    for part in parts:
        client.seek(part, max(offset, starts[part]))
    # By position, not by the last record: a transaction ends in a marker that no poll returns.
    latest, since = -1, time.monotonic()
    while any(client.position(part) < ends[part] for part in parts):
        for part, records in client.poll(timeout_ms=500).items():
            yield [record for record in records if record.offset < ends[part]]
        reached = sum(client.position(part) for part in parts)
        if reached != latest:
            latest, since = reached, time.monotonic()
        elif time.monotonic() - since > SILENT_SECONDS:
            raise KafkaUnreachable(_silence(topic, reached, sum(ends.values())))


def _silence(topic: str, reached: int, end: int) -> str:
    return (
        f"Kafka sent nothing of {topic} for {SILENT_SECONDS:.0f} s, though {end - reached:,} of its records "
        "are unread: check that the broker is up and this machine reaches it, then repeat the command"
    )


@contextmanager
def _explained(to: Connection) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise KafkaUnreachable(
            f"no Kafka answers at {to.bootstrap_servers} by {to.security_protocol} ({said(error)}): start "
            "the bundled one (pathcast broker start), or set KAFKA_BOOTSTRAP_SERVERS and "
            "KAFKA_SECURITY_PROTOCOL"
        ) from error
