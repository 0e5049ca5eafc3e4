"""Inputs beside clicks: fetched records of one partition that wait for a transaction.

Each topic has its own position in the partition's checkpoint, so the order between topics is arbitrary and
their effects must commute.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from streams.inputs.batches import Part, since

#: Records of a topic that may wait here; the rest stays with the broker.
WAITING = 2_000
#: Most records of a topic in one transaction, because clicks wait for them; a piece is never divided.
TOGETHER = 500
#: Fetched records are queued in pieces of this many.
PIECE = 250


class SideInputs:
    """Queues by topic name; `ids` are the topics' ids."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        self.ids = ids
        self._queues: dict[str, deque[tuple[Sequence[Any], int]]] = {topic: deque() for topic in ids}

    def offer(self, topic: str, records: Sequence[Any], end: int) -> None:
        """Queue fetched records, in order; `end` is the reader's position after them."""
        queue, most = self._queues[topic], len(records)
        for start in range(0, max(most, 1), PIECE):
            after = start + PIECE
            queue.append((records[start:after], records[after].offset if after < most else end))

    def is_full(self, topic: str) -> bool:
        """Whether fetching more would only fill memory."""
        return sum(len(records) for records, _ in self._queues[topic]) >= WAITING

    @property
    def waiting(self) -> bool:
        """Whether fetched records wait for a transaction."""
        return any(self._queues.values())

    def take(self, positions: Mapping[str, int]) -> list[Part]:
        """The records of each topic for one transaction, without those before the positions (by topic id)."""
        parts = [self._take(topic, queue, positions) for topic, queue in self._queues.items() if queue]
        return [part for part in parts if part.records or part.end > positions.get(part.topic_id, 0)]

    def _take(
        self, topic: str, queue: deque[tuple[Sequence[Any], int]], positions: Mapping[str, int]
    ) -> Part:
        topic_id, taken = self.ids[topic], list[Any]()
        end = positions.get(topic_id, 0)
        while queue and len(taken) < TOGETHER:
            records, reached = queue.popleft()
            taken += since(records, end)
            end = max(end, reached)
        return Part(topic, topic_id, taken, end)

    def clear(self) -> None:
        """Drop everything, since the partition is closed."""
        for queue in self._queues.values():
            queue.clear()
