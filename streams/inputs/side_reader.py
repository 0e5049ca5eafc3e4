"""Read the inputs beside clicks, without Faust: one consumer without a group for each assignment.

It starts at the positions in the checkpoints of the assigned partitions and stops with the assignment. Its
records are committed in the same transactions as clicks. A second reader of a partition, on a worker that has
lost it, does no harm, because its producer is fenced.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import aiokafka
import structlog
from aiokafka.errors import KafkaError

from streams.errors import SetUpError
from streams.inputs.lost_clicks import ADVICE
from streams.inputs.side_inputs import SideInputs

log = structlog.get_logger("pathcast.worker")

#: The broker answers a fetch as soon as there are records, else after this time (ms).
FETCH_WAIT_MS = 500
#: Seconds between two fetches while the queue of a partition is full.
FULL_WAIT = 0.02


class Place(NamedTuple):
    """A partition of a side input by topic name."""

    topic: str
    partition: int


class SidePartition(Protocol):
    """An assigned partition, as far as its side inputs go."""

    @property
    def sides(self) -> SideInputs:
        """The queues of fetched records."""
        ...

    def side_position(self, topic: str) -> int:
        """The next offset to apply."""
        ...

    def offer_side(self, topic: str, records: Sequence[Any], end: int) -> None:
        """Queue records; `end` is the reader's position after them."""
        ...


def _tell_lost(place: Place, position: int, begin: int) -> None:
    if 0 < position < begin:
        log.warning(
            "records lost: retention deleted them before they were read",
            topic=place.topic,
            partition=place.partition,
            records=begin - position,
            offsets=f"{position} to {begin - 1}",
            advice=ADVICE,
        )


class SideReader:
    """Follows `topics` for the partitions of one assignment."""

    def __init__(self, topics: Sequence[str], connection: Mapping[str, Any]) -> None:
        self._topics, self._connection = topics, connection
        self._consumer: Any = None
        self._ends: dict[Place, int] = {}

    async def run(self, partitions: Mapping[int, SidePartition]) -> None:
        """Queue records with their partitions until cancelled. Raises SetUpError for an unreadable topic."""
        if not partitions:
            return
        # Where retention has removed records after a position, reading goes on with the oldest one left.
        self._consumer = consumer = aiokafka.AIOKafkaConsumer(
            **self._connection,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            await self._begin(partitions)
            while True:
                await self._fetch(partitions)
        except KafkaError as error:
            raise SetUpError(
                f"cannot read {', '.join(self._topics)}: {error!r}; check that Kafka runs and that this "
                "user may read them, then restart the worker, which goes on from its state"
            ) from error
        finally:
            self._consumer = None
            await consumer.stop()

    async def _begin(self, partitions: Mapping[int, SidePartition]) -> None:
        places = [Place(topic, partition) for partition in partitions for topic in self._topics]
        parts = [aiokafka.TopicPartition(*place) for place in places]
        self._consumer.assign(parts)
        for place, part in zip(places, parts, strict=True):
            self._ends[place] = position = partitions[place.partition].side_position(place.topic)
            self._consumer.seek(part, position)
        begins = await self._consumer.beginning_offsets(parts)
        for place, part in zip(places, parts, strict=True):
            _tell_lost(place, self._ends[place], begins[part])

    async def _fetch(self, partitions: Mapping[int, SidePartition]) -> None:
        wanted = [place for place in self._ends if not partitions[place.partition].sides.is_full(place.topic)]
        if not wanted:
            await asyncio.sleep(FULL_WAIT)
            return
        patience = FETCH_WAIT_MS if len(wanted) == len(self._ends) else FULL_WAIT * 1000
        parts = [aiokafka.TopicPartition(*place) for place in wanted]
        fetched = await self._consumer.getmany(*parts, timeout_ms=int(patience))
        for place, part in zip(wanted, parts, strict=True):
            end = await self._consumer.position(part)
            records = fetched.get(part) or ()
            # A position also moves without records: past transaction markers and compacted records.
            if records or end > self._ends[place]:
                self._ends[place] = end
                partitions[place.partition].offer_side(place.topic, records, end)

    def lag(self, topic: str, partition: int, position: int) -> int:
        """The distance from a position to the committed end as of the last fetch, markers included."""
        if self._consumer is None or Place(topic, partition) not in self._ends:
            return 0
        part = aiokafka.TopicPartition(topic, partition)
        return max(0, (self._consumer.last_stable_offset(part) or 0) - position)
