"""What a worker writes to Kafka: its cycles, and what it does before it writes for partitions of others."""

from collections.abc import Callable, Sequence

from streams.protocol.group_requests import Membership
from streams.transport.takeover import Places, take_over
from streams.transport.worker_producer import Guard, PartitionMessages, WorkerProducer


class WorkerLog:
    """The log of `streams.transport.runtime_config`; `places` are made from the name of the changelog."""

    def __init__(self, producer: WorkerProducer, places: Callable[[str], Places]) -> None:
        self._producer, self._places = producer, places

    async def open(self) -> None:
        """Start; whatever a former process of this datadir left open is aborted. Raises TransactionError."""
        await self._producer.open()

    async def take_over(
        self, changelog: str, membership: Membership, partitions: Sequence[int]
    ) -> dict[int, int]:
        """See `streams.transport.takeover`."""
        return await take_over(self._producer, membership, partitions, self._places(changelog))

    async def publish(self, parts: Sequence[PartitionMessages], guard: Guard) -> Sequence[int]:
        """See `WorkerProducer.publish`."""
        return await self._producer.publish(parts, guard)

    async def close(self) -> None:
        """Stop."""
        await self._producer.close()
