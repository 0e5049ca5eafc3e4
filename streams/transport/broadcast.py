"""Broadcast topics (`items`, `model-updates`): read whole by every worker, without a group."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiokafka

#: A batch of (key, value) pairs; value None deletes.
Pairs = Sequence[tuple[bytes | None, bytes | None]]


class Broadcast:
    """Follows one single-partition topic; `caught_up` is set once its end as of the start is applied."""

    def __init__(self, topic: str, connection: dict[str, Any], apply: Callable[[Pairs], Any]) -> None:
        self.topic = topic
        self.caught_up = asyncio.Event()
        self._connection, self._apply = connection, apply

    async def run(self) -> None:
        """Read from the start and follow until cancelled."""
        consumer = aiokafka.AIOKafkaConsumer(
            **self._connection,
            isolation_level="read_committed",
            enable_auto_commit=False,
            fetch_max_wait_ms=200,
        )
        await consumer.start()
        try:
            partition = aiokafka.TopicPartition(self.topic, 0)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            end = (await consumer.end_offsets([partition]))[partition]
            await self._follow(consumer, partition, end)
        finally:
            await consumer.stop()

    async def _follow(self, consumer: Any, partition: Any, end: int) -> None:
        while True:
            if not self.caught_up.is_set() and await consumer.position(partition) >= end:
                self.caught_up.set()
            fetched = await consumer.getmany(partition, timeout_ms=200)
            records = fetched.get(partition)
            if records:
                outcome = self._apply([(record.key, record.value) for record in records])
                if asyncio.iscoroutine(outcome):
                    await outcome
