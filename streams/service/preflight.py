"""Checks before a worker starts; each failure is one message that says what to do."""

import fcntl
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import structlog
from kafka import KafkaAdminClient
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
)

from streams.config import topic_checks, topic_settings
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.errors import SetUpError
from streams.transport.app import PROTOCOL

log = structlog.get_logger("pathcast.worker")

#: Milliseconds in which a broker must answer for the first time, and later.
BOOTSTRAP_MS = REQUEST_MS = 10_000
#: Seconds between two looks at the members of a group.
GROUP_PAUSE = 1.0
#: Seconds in which a broker makes its topic of groups, and seconds between two questions meanwhile.
COORDINATOR_PATIENCE, COORDINATOR_PAUSE = 30.0, 0.1


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


def check_topics(
    connection: Connection, names: TopicNames, sealing: bool = False, changelog: str | None = None
) -> int:
    """The number of partitions of clicks. Raises SetUpError if topics are missing or do not fit together.

    `changelog` is the topic of the state, which a first worker has yet to create.
    """
    counts = _partitions(connection, [*names.used(sealing), *([changelog] if changelog else [])])
    kept = counts.pop(changelog, 0) if changelog else 0
    if changelog and kept and counts[names.clicks]:
        topic_checks.check_state(changelog, kept, names.clicks, counts[names.clicks])
    missing = [name for name, count in counts.items() if not count]
    if missing:
        raise SetUpError(f"missing topics: {', '.join(missing)}; run `pathcast topics`")
    topic_checks.check(counts, names)
    return counts[names.clicks]


def check_settings(connection: Connection, names: TopicNames, sealing: bool = False) -> list[str]:
    """What differs in the topics' settings, in words. Raises SetUpError for what must be mended first."""
    wanted = names.used(sealing)
    with _admin(connection) as admin:
        settings = topic_settings.settings_of(admin, wanted)
    found = topic_settings.differences(settings, names)
    if required := [one for one in found if one.must]:
        raise SetUpError("; ".join(map(str, required)))
    unseen = [topic for topic in wanted if not settings.get(topic)]
    hidden = f"no right to see the settings of {', '.join(unseen)} (DescribeConfigs): they are not checked"
    return [*map(str, found), *([hidden] if unseen else [])]


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


def check_group(connection: Connection, application_id: str, patience: float) -> None:
    """Wait `patience` seconds until workers of an older version have left the group. Raises SetUpError.

    One that was killed remains a member until its session times out.
    """
    deadline = time.monotonic() + patience
    while (protocol := _protocol(connection, application_id)) not in ("", PROTOCOL):
        if time.monotonic() > deadline:
            raise SetUpError(
                f"workers of an older version are in the group {application_id} (their protocol is "
                f"{protocol!r}, that of this version {PROTOCOL!r}); both together would answer clicks twice: "
                "stop all of them, then start this one"
            )
        log.info("waiting until workers of an older version have left", group=application_id)
        time.sleep(GROUP_PAUSE)


def _protocol(connection: Connection, application_id: str) -> str:
    """The protocol of a group with members, else nothing; a broker that has just started tells it later."""
    deadline = time.monotonic() + COORDINATOR_PATIENCE
    with _admin(connection) as admin:
        while True:
            try:
                found = admin.describe_groups([application_id])
                break
            except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(COORDINATOR_PAUSE)
    return next((str(group["protocol_data"] or "") for group in found.values() if group["members"]), "")


def _partitions(connection: Connection, wanted: Iterable[str]) -> dict[str, int]:
    with _admin(connection) as admin:
        found: list[dict[str, Any]] = admin.describe_topics(list(wanted))
    return {topic["name"]: 0 if topic["error_code"] else len(topic["partitions"]) for topic in found}


@contextmanager
def _admin(connection: Connection) -> Iterator[Any]:
    try:
        admin = KafkaAdminClient(
            **connection.kafka_python(), request_timeout_ms=REQUEST_MS, bootstrap_timeout_ms=BOOTSTRAP_MS
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
