"""Checks before a worker starts; each failure is one message that says what to do."""

import fcntl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.config import topic_checks
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.errors import SetUpError


def check_folder(datadir: Path) -> Path:
    """The datadir, created if missing. Raises SetUpError where it cannot be written."""
    path = datadir.expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise SetUpError(
            f"cannot write to the datadir {path}: {error}; set PATHCAST_DATADIR to a folder that this user "
            "may write"
        ) from error


def claim(datadir: Path) -> TextIO:
    """Lock a datadir for as long as the file stays open. Raises SetUpError if it is locked already."""
    file = (datadir / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise SetUpError(
            f"another worker uses the datadir {datadir}; set PATHCAST_DATADIR to one of its own"
        ) from error
    return file


def check_topics(connection: Connection, names: TopicNames, sealing: bool = False) -> int:
    """The number of partitions of clicks. Raises SetUpError if topics are missing or do not fit together."""
    counts = _partitions(connection, names.used(sealing))
    missing = [name for name, count in counts.items() if not count]
    if missing:
        raise SetUpError(f"missing topics: {', '.join(missing)}; run `pathcast topics`")
    topic_checks.check(counts, names)
    return counts[names.clicks]


def check_replication(connection: Connection, changelog: str, factor: int) -> None:
    """Raises SetUpError where the changelog does not exist and the cluster is too small to create it."""
    with _admin(connection) as admin:
        exists = changelog in admin.list_topics()
        brokers = len(admin.describe_cluster()["brokers"])
    if not exists and factor > brokers:
        raise SetUpError(
            f"PATHCAST_CHANGELOG_REPLICATION is {factor}, but the cluster has {brokers} broker(s): "
            f"expected at most {brokers} to create {changelog}; set it lower or add brokers"
        )


def _partitions(connection: Connection, wanted: Iterable[str]) -> dict[str, int]:
    with _admin(connection) as admin:
        found: list[dict[str, Any]] = admin.describe_topics(list(wanted))
    return {topic["name"]: 0 if topic["error_code"] else len(topic["partitions"]) for topic in found}


@contextmanager
def _admin(connection: Connection) -> Iterator[Any]:
    try:
        admin = KafkaAdminClient(
            **connection.kafka_python(), request_timeout_ms=10_000, bootstrap_timeout_ms=10_000
        )
    except (KafkaError, OSError) as error:
        raise SetUpError(
            f"no Kafka at {connection.bootstrap_servers}: {error or type(error).__name__}; start one "
            "(`pathcast broker start`) or set KAFKA_BOOTSTRAP_SERVERS"
        ) from error
    try:
        yield admin
    finally:
        admin.close()
