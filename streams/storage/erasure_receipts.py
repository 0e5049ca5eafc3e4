"""The last erasure receipt of a partition: up to where files of its state must be rewritten."""

from collections.abc import Collection
from typing import Any

import aiokafka

from models.privacy import erasure
from streams.topic_reading import read_to_end

#: Records read at first: the last receipt is near the end, unless much was aborted after it.
FIRST_LOOK = 100


class ErasureReceipts:
    """Reads `visitor-erasures` for given partitions; needs one request where nothing is new."""

    def __init__(self, topic: str, connection: dict[str, Any]) -> None:
        self._topic, self._connection = topic, connection
        self._consumer: Any = None
        #: By partition: its end when it was read last, and the `at` of its last receipt (0: none).
        self._known: dict[int, tuple[int, int]] = {}

    async def start(self) -> None:
        """Connect."""
        self._consumer = aiokafka.AIOKafkaConsumer(
            **self._connection, isolation_level="read_committed", enable_auto_commit=False
        )
        await self._consumer.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._consumer.stop()

    async def latest(self, partitions: Collection[int]) -> dict[int, int]:
        """The `at` of each partition's last receipt (epoch ms), 0 where it has none. Raises KafkaError."""
        if not partitions:
            return {}
        parts = [aiokafka.TopicPartition(self._topic, number) for number in sorted(partitions)]
        self._consumer.assign(parts)
        ends = await self._consumer.end_offsets(parts)
        for part in parts:
            if self._known.get(part.partition, (-1, 0))[0] != ends[part]:
                self._known[part.partition] = ends[part], await self._last(part, ends[part])
        return {part.partition: self._known[part.partition][1] for part in parts}

    async def _last(self, part: Any, end: int) -> int:
        begin, look = (await self._consumer.beginning_offsets([part]))[part], FIRST_LOOK
        while True:
            start = max(begin, end - look)
            found = await self._from(part, start)
            if found or start == begin:
                return found
            look *= 8

    async def _from(self, part: Any, start: int) -> int:
        found = 0
        async for records in read_to_end(self._consumer, part, start):
            found = erasure.decode(records[-1].value).at
        return found
