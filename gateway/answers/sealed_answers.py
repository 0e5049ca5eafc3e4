"""Open sealed answers with the keys of their visitors, which are followed on their own topic.

A key is written in the transaction of its visitor's first answers, and may be read after them. So an answer
without a key waits for the next keys.
"""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiokafka
import structlog

from gateway.answers.recent_answers import RoledAnswer
from gateway.http.kept_running import KeptRunning
from gateway.http.parts import States
from models.privacy.envelope import EnvelopeError, KeyGone
from models.privacy.keyring import Keyring

log = structlog.get_logger("pathcast.gateway")
#: Most answers that wait for keys, and seconds that one waits.
MOST_WAITING, WAIT_SECONDS = 2_000, 5.0
FETCH_MS = 50


class _Sealed(NamedTuple):
    since: float
    role: str
    partition: int
    key: bytes
    value: bytes


class SealedAnswers:
    """`late` takes answers that could be opened only once their keys had come."""

    def __init__(
        self,
        ring: Keyring,
        topic: str,
        connection: Mapping[str, Any],
        late: Callable[[list[RoledAnswer]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ring, self._topic, self._connection = ring, topic, connection
        self._late, self._clock = late, clock
        self._waiting: deque[_Sealed] = deque(maxlen=MOST_WAITING)
        self._read = False
        self._kept = KeptRunning("keys", self._follow)

    def conditions(self) -> States:
        """For /readyz: whether the keys were read to their end."""
        return {"keys_read": self._kept.state(self._read)}

    def opened(self, role: str, partition: int, key: bytes, value: bytes) -> bytes | None:
        """A value in the clear; None where it waits for its key, or cannot be opened."""
        try:
            return self._ring.open(role, partition, key, value)
        except KeyGone:
            self._waiting.append(_Sealed(self._clock(), role, partition, key, value))
        except EnvelopeError as error:
            log.error("an answer cannot be opened", reason=type(error).__name__)
        return None

    def take(self, keys: list[tuple[int, bytes, bytes | None]]) -> None:
        """Apply records of the topic of keys (partition, visitor, wrapped key), and open what waited."""
        for partition, visitor, wrapped in keys:
            self._ring.take(partition, visitor, wrapped)
        now = self._clock()
        waiting = [one for one in self._waiting if now - one.since < WAIT_SECONDS]
        self._waiting.clear()
        found = list[RoledAnswer]()
        for one in waiting:
            if self._ring.has(one.partition, one.key, one.value):
                if value := self.opened(one.role, one.partition, one.key, one.value):
                    found.append(RoledAnswer(one.role, one.key, value))
            else:
                self._waiting.append(one)
        if found:
            self._late(found)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the keys until left."""
        async with self._kept.running():
            yield

    async def _follow(self) -> None:
        """Read all keys, and follow them until cancelled. Raises what ends it, KafkaError among it."""
        consumer = aiokafka.AIOKafkaConsumer(
            self._topic,
            **self._connection,
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_MS,
        )
        try:
            await consumer.start()
            await self._read_on(consumer)
        finally:
            await consumer.stop()

    async def _read_on(self, consumer: Any) -> None:
        ends = await consumer.end_offsets(consumer.assignment())
        while True:
            fetched = await consumer.getmany(timeout_ms=FETCH_MS)
            records = [one for found in fetched.values() for one in found]
            self.take([(one.partition, one.key or b"", one.value) for one in records])
            if not self._read:
                positions = {part: await consumer.position(part) for part in ends}
                self._read = all(positions[part] >= end for part, end in ends.items())
