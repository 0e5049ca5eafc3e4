"""Read what the topics have of one visitor: the visitor's partition, from a bounded time back, by key."""

import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import aiokafka
import msgspec

from models.durations import MINUTE_MS
from streams.config.topics import TopicNames
from streams.topic_reading import read_to_end
from streams.transport.routing import home

#: Topics that are read.
ROLES: Final = ("clicks", "purchase_intent", "recommendations", "ad_decisions", "rewards")
#: Records of the partition that are looked through at most, in each topic.
MOST_READ: Final = 100_000
#: Records of the visitor that are kept of each topic, the latest ones.
MOST_KEPT: Final = 200
#: Seconds for all topics; what was found until then is shown.
MOST_SECONDS: Final = 8.0


class VisitorRecords(NamedTuple):
    """Values by role, decoded, oldest first; `whole` is false where time or bounds ended the search."""

    by_role: dict[str, list[dict[str, Any]]]
    whole: bool


class VisitorHistory:
    """Looks for a visitor's records. `partitions` are those of clicks; `pseudonym` makes the
    key of answers of the key of clicks."""

    def __init__(
        self,
        names: TopicNames,
        connection: Mapping[str, Any],
        partitions: int,
        minutes: float,
        pseudonym: Any = None,
    ) -> None:
        self._names, self._connection, self._minutes = names, connection, minutes
        self._partitions, self._pseudonym = partitions, pseudonym

    async def read(self, visitor: str) -> VisitorRecords:
        """The visitor's records of the last minutes. Raises KafkaError, or OSError."""
        consumer = aiokafka.AIOKafkaConsumer(
            **self._connection, isolation_level="read_committed", enable_auto_commit=False
        )
        await consumer.start()
        try:
            return await self._read(consumer, visitor)
        finally:
            await consumer.stop()

    async def _read(self, consumer: Any, visitor: str) -> VisitorRecords:
        found: dict[str, list[dict[str, Any]]] = {role: [] for role in ROLES}
        deadline, whole = time.monotonic() + MOST_SECONDS, True
        key = visitor.encode()
        stored = key if self._pseudonym is None else self._pseudonym.visitor(key).encode()
        for role in ROLES:
            topic = getattr(self._names, role)
            part = aiokafka.TopicPartition(topic, home(key, self._partitions))
            start, cut = await self._start(consumer, part)
            wanted = key if role == "clicks" else stored
            done = await _search(consumer, part, start, wanted, found[role], deadline)
            whole = whole and done and not cut
        return VisitorRecords(found, whole)

    async def _start(self, consumer: Any, part: Any) -> tuple[int, bool]:
        """The offset to begin at, and whether the bound of records moved it."""
        began = int(time.time() * 1000 - self._minutes * MINUTE_MS)
        end = (await consumer.end_offsets([part]))[part]
        at = (await consumer.offsets_for_times({part: began}))[part]
        wanted = end if at is None else at.offset
        return max(wanted, end - MOST_READ), wanted < end - MOST_READ


async def _search(
    consumer: Any, part: Any, start: int, key: bytes, kept: list[dict[str, Any]], deadline: float
) -> bool:
    """Append the key's values; whether all of the partition was looked through, and all was kept."""
    whole = True
    async for records in read_to_end(consumer, part, start):
        for record in records:
            if record.key == key and record.value is not None:
                value = _decoded(record.value)
                if value is not None:
                    kept.append(value | {"written_at": record.timestamp})
        if len(kept) > MOST_KEPT:
            del kept[:-MOST_KEPT]
            whole = False
        if time.monotonic() > deadline:
            return False
    return whole


def _decoded(value: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
