"""kafka-python clients for everything outside the worker, with errors that say what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from deploy.broker import Broker
from models.errors import PathcastError
from streams.connection import Connection

BOOTSTRAP_MS = 10_000


class KafkaUnreachable(PathcastError):
    """No broker answers at the configured address, or it refuses the credentials."""


def connection() -> Connection:
    """The cluster of KAFKA_BOOTSTRAP_SERVERS, else the bundled broker at the port where it runs or would."""
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
    """An idempotent producer tuned for throughput; closing sends what it holds. Raises KafkaUnreachable."""
    settings = {"acks": "all", "linger_ms": 20, "batch_size": 256 << 10, **options}
    with _explained(to):
        client = KafkaProducer(**to.kafka_python(), **settings, bootstrap_timeout_ms=BOOTSTRAP_MS)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def consumer(to: Connection, **options: Any) -> Iterator[Any]:
    """A consumer without a group that sees committed records only. Raises KafkaUnreachable."""
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
