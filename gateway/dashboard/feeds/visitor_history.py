"""Read what the topics have of one visitor: the visitor's partition, from a bounded time back, by key.

A read has a thread with a loop of its own, because it looks through many records.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import aiokafka
import msgspec

from models.durations import MINUTE_MS
from models.privacy.erasure import request_of
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
        return await asyncio.to_thread(lambda: asyncio.run(self._looked_for(visitor)))

    async def _looked_for(self, visitor: str) -> VisitorRecords:
        consumer = aiokafka.AIOKafkaConsumer(
            **self._connection, isolation_level="read_committed", enable_auto_commit=False
        )
        await consumer.start()
        try:
            return await self._read(consumer, visitor)
        finally:
            await consumer.stop()

    async def _read(self, consumer: Any, visitor: str) -> VisitorRecords:
        sought = {role: _Sought(self._keys(role, visitor.encode())) for role in ROLES}
        whole = False
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_SECONDS):
                searched = [await self._search(consumer, visitor, role, sought[role]) for role in ROLES]
                whole = all(searched)
        found = {role: one.kept for role, one in sought.items()}
        return VisitorRecords(_since_forgotten(found) if sought["clicks"].forgotten else found, whole)

    async def _search(self, consumer: Any, visitor: str, role: str, sought: "_Sought") -> bool:
        """Whether all of the partition was looked through, and all was kept."""
        part = aiokafka.TopicPartition(getattr(self._names, role), home(visitor.encode(), self._partitions))
        start, cut = await self._start(consumer, part)
        async for records in read_to_end(consumer, part, start):
            sought.take(records)
        return sought.whole and not cut

    def _keys(self, role: str, key: bytes) -> frozenset[bytes]:
        """Keys of the visitor's records: of clicks the id, and the pseudonym in requests to forget."""
        stored = key if self._pseudonym is None else self._pseudonym.visitor(key).encode()
        return frozenset((key, stored) if role == "clicks" else (stored,))

    async def _start(self, consumer: Any, part: Any) -> tuple[int, bool]:
        """The offset to begin at, and whether the bound of records moved it."""
        began = int(time.time() * 1000 - self._minutes * MINUTE_MS)
        end = (await consumer.end_offsets([part]))[part]
        at = (await consumer.offsets_for_times({part: began}))[part]
        wanted = end if at is None else at.offset
        return max(wanted, end - MOST_READ), wanted < end - MOST_READ


class _Sought:
    """The latest values of records with one of the keys, since a request to forget their visitor."""

    def __init__(self, keys: frozenset[bytes]) -> None:
        self._keys = keys
        self.kept: list[dict[str, Any]] = []
        self.whole, self.forgotten = True, False

    def take(self, records: Sequence[Any]) -> None:
        """Keep the values of records that follow those before."""
        for record in records:
            if record.key not in self._keys:
                continue
            if request_of(record) is not None:
                self.kept.clear()
                self.forgotten = True
            elif record.value is not None and (value := _decoded(record.value)) is not None:
                self.kept.append(value | {"written_at": record.timestamp})
        if len(self.kept) > MOST_KEPT:
            del self.kept[:-MOST_KEPT]
            self.whole = False


def _since_forgotten(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Without answers to clicks before the erasure: topics keep them for a time, but nobody is shown them."""
    clicks = [one.get("event_id") for one in found["clicks"]]
    kept = {role: [one for one in found[role] if one.get("event_id") in clicks] for role in ROLES}
    decisions = [one.get("decision_id") for one in kept["ad_decisions"]]
    kept["rewards"] = [one for one in found["rewards"] if one.get("decision_id") in decisions]
    return kept


def _decoded(value: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
