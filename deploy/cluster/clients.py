"""kafka-python clients for everything outside the worker, with errors that say what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from deploy.broker.broker import Broker
from models.errors import PathcastError
from streams.config.connection import Connection

BOOTSTRAP_MS = 5_000


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
    finally:
        client.close()


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
    while any(client.position(part) < ends[part] for part in parts):
        for part, records in client.poll(timeout_ms=500).items():
            yield [record for record in records if record.offset < ends[part]]


@contextmanager
def _explained(to: Connection) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise KafkaUnreachable(
            f"no Kafka answers at {to.bootstrap_servers} by {to.security_protocol} ({type(error).__name__}: "
            f"{error}): start the bundled one (pathcast broker start), or set KAFKA_BOOTSTRAP_SERVERS and "
            "KAFKA_SECURITY_PROTOCOL"
        ) from error
