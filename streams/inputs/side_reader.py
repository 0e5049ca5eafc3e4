"""Read the inputs beside clicks, without Faust: one consumer without a group for each assignment.

It starts at the positions in the checkpoints of the assigned partitions and stops with the assignment. Its
records are committed in the same transactions as clicks. A second reader of a partition, on a worker that has
lost it, does no harm, because its producer is fenced.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import aiokafka
from aiokafka.errors import KafkaError

from streams.errors import SetUpError
from streams.inputs.side_inputs import SideInputs

#: The broker answers a fetch when there is something, else after this long (ms).
FETCH_WAIT_MS = 500
#: Seconds between two looks at what was fetched, while a partition has enough to do.
FULL_WAIT = 0.02


class Place(NamedTuple):
    """A partition of a side input by topic name."""

    topic: str
    partition: int


class SidePartition(Protocol):
    """An assigned partition, as far as its side inputs go."""

    @property
    def sides(self) -> SideInputs:
        """What was fetched and waits."""
        ...

    def side_position(self, topic: str) -> int:
        """The next offset to apply."""
        ...

    def offer_side(self, topic: str, records: Sequence[Any], end: int) -> None:
        """Queue records; `end` is the reader's position after them."""
        ...


class SideReader:
    """Follows `topics` for the partitions of one assignment."""

    def __init__(self, topics: Sequence[str], connection: Mapping[str, Any]) -> None:
        self._topics, self._connection = topics, connection
        self._consumer: Any = None
        self._ends: dict[Place, int] = {}

    async def run(self, partitions: Mapping[int, SidePartition]) -> None:
        """Offer what is read to its partition until cancelled. Raises SetUpError where it cannot be read."""
        if not partitions:
            return
        # Where retention has removed what follows a position, the oldest that is left is the next.
        self._consumer = consumer = aiokafka.AIOKafkaConsumer(
            **self._connection,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            self._begin(partitions)
            while True:
                await self._fetch(partitions)
        except KafkaError as error:
            raise SetUpError(
                f"cannot read {', '.join(self._topics)}: {error!r}; is Kafka up, and may this user read "
                "them? Restart the worker, it goes on from its state"
            ) from error
        finally:
            self._consumer = None
            await consumer.stop()

    def _begin(self, partitions: Mapping[int, SidePartition]) -> None:
        places = [Place(topic, partition) for partition in partitions for topic in self._topics]
        self._consumer.assign([aiokafka.TopicPartition(*place) for place in places])
        for place in places:
            self._ends[place] = position = partitions[place.partition].side_position(place.topic)
            self._consumer.seek(aiokafka.TopicPartition(*place), position)

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
            # A position moves without records, too: past the marks of transactions, and holes of compaction.
            if records or end > self._ends[place]:
                self._ends[place] = end
                partitions[place.partition].offer_side(place.topic, records, end)

    def lag(self, topic: str, partition: int, position: int) -> int:
        """Committed records, marks and holes from a position to the end, as of the last fetch."""
        if self._consumer is None or Place(topic, partition) not in self._ends:
            return 0
        part = aiokafka.TopicPartition(topic, partition)
        return max(0, (self._consumer.last_stable_offset(part) or 0) - position)
