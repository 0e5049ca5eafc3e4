"""Follow broadcast topics (`items`, `model-updates`): every worker reads them whole, without a group."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiokafka

from streams.topic_reading import FETCH_MS, read_to_end

#: A batch of (key, value) pairs; value None deletes.
Pairs = Sequence[tuple[bytes | None, bytes | None]]


class Broadcast:
    """Follows a topic of one partition; `caught_up` is set once its records as of the start are applied."""

    def __init__(self, topic: str, connection: dict[str, Any], apply: Callable[[Pairs], Any]) -> None:
        self.topic = topic
        self.caught_up = asyncio.Event()
        self._connection, self._apply = connection, apply

    async def run(self) -> None:
        """Read from the beginning and follow until cancelled."""
        consumer = aiokafka.AIOKafkaConsumer(
            **self._connection,
            isolation_level="read_committed",
            enable_auto_commit=False,
            fetch_max_wait_ms=200,
        )
        await consumer.start()
        try:
            partition = aiokafka.TopicPartition(self.topic, 0)
            async for records in read_to_end(consumer, partition):
                await self._take(records)
            self.caught_up.set()
            while True:
                fetched = await consumer.getmany(partition, timeout_ms=FETCH_MS)
                await self._take(fetched.get(partition, ()))
        finally:
            await consumer.stop()

    async def _take(self, records: Sequence[Any]) -> None:
        if records:
            outcome = self._apply([(record.key, record.value) for record in records])
            if asyncio.iscoroutine(outcome):
                await outcome
