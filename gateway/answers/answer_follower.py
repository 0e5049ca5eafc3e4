"""Follow the three answer topics from their ends, committed records only, without a group."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiokafka

from gateway.answers.recent_answers import RoledAnswer
from gateway.http.kept_running import KeptRunning
from gateway.http.parts import States

#: Milliseconds that a broker holds a fetch back (partitions with news wait for it), and that a poll waits.
FETCH_MS, POLL_MS = 5, 500
#: Takes the answers of one fetch.
Take = Callable[[Sequence[RoledAnswer]], None]
#: The value in the clear of role, partition, key and value; None where it cannot be had.
Open = Callable[[str, int, bytes, bytes], bytes | None]


class AnswerFollower:
    """`topics` are the names of the topics by role. Where Kafka is away, it goes on when Kafka is back."""

    def __init__(
        self, topics: Mapping[str, str], connection: Mapping[str, Any], take: Take, opened: Open | None = None
    ) -> None:
        self._roles = {topic: role for role, topic in topics.items()}
        self._connection, self._take, self._open = connection, take, opened
        self._positions: dict[Any, int] = {}
        self._following = False
        self._consumer: Any = None
        self._kept = KeptRunning("answers", self._follow)

    def conditions(self) -> States:
        """For /readyz."""
        return {"answers_followed": self._kept.state(self._following)}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect, and follow until left. Raises KafkaError if Kafka is away at the start."""
        self._consumer = await self._begin()
        async with self._kept.running():
            yield

    async def _begin(self) -> Any:
        """A consumer that is assigned all partitions; new ones begin at their ends, or at 0 later."""
        consumer = aiokafka.AIOKafkaConsumer(
            *self._roles,
            **self._connection,
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            fetch_max_wait_ms=FETCH_MS,
        )
        await consumer.start()
        try:
            await self._assign(consumer)
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    async def _assign(self, consumer: Any) -> None:
        """Seek each assigned partition: where it was, or to its end."""
        for part in consumer.assignment():
            if part in self._positions:
                consumer.seek(part, self._positions[part])
            else:
                await consumer.seek_to_end(part)
                self._positions[part] = await consumer.position(part)
        self._following = True

    async def _follow(self) -> None:
        """Follow from where it was until cancelled. Raises what ends it, KafkaError among it."""
        consumer, self._consumer = self._consumer or await self._begin(), None
        try:
            while True:
                self._note(await consumer.getmany(timeout_ms=POLL_MS))
        finally:
            self._following = False
            await consumer.stop()

    def _note(self, fetched: Mapping[Any, Sequence[Any]]) -> None:
        found = list[RoledAnswer]()
        for part, records in fetched.items():
            role = self._roles[part.topic]
            for record in records:
                key, value = record.key or b"", record.value
                if value and self._open is not None:
                    value = self._open(role, part.partition, key, value)
                if value:
                    found.append(RoledAnswer(role, key, value))
            self._positions[part] = records[-1].offset + 1
        # Also where nothing has come: what is kept must go in time without new answers, too.
        self._take(found)
