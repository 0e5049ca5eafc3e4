"""What the runtime of the partitions is given: its configuration, and the log that it writes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from models.durations import DAY_MS
from streams.config.worker_settings import WorkerSettings
from streams.protocol.group_requests import Membership
from streams.transport.worker_producer import Guard, PartitionMessages


class Log(Protocol):
    """Writes to Kafka, for all partitions of a worker."""

    async def open(self) -> None:
        """Start; whatever a former process of this datadir left open is aborted."""

    async def take_over(
        self, changelog: str, membership: Membership, partitions: Sequence[int]
    ) -> dict[int, int]:
        """Returns when no predecessor can write for these partitions, and what they wrote is readable.

        The result is the group's position of each partition, -1 where it has none.
        """
        ...

    async def publish(self, parts: Sequence[PartitionMessages], guard: Guard) -> Sequence[int]:
        """One transaction; by part the changelog offset of its last record. Raises TransactionError."""
        ...

    async def close(self) -> None:
        """Stop."""


@dataclass
class RuntimeConfig:
    """What the transport needs to know; `sides` are further input topics.

    A setting is read as `config.settings.<name>`. `threads` 0: everything is processed on the event loop;
    `tombstone_retention_ms` is how long the changelog keeps deletion marks.
    """

    settings: WorkerSettings
    topic: str
    changelog: str
    connection: dict[str, Any]
    tombstone_retention_ms: int = DAY_MS
    threads: int = 0
    sides: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The topics that change state, clicks first."""
        return self.topic, *self.sides
