"""Fetched chunks of clicks of one partition that wait for a transaction."""

from collections import deque
from typing import Any, NamedTuple

from streams.inputs.batches import since
from streams.inputs.chunks import Chunk, Epoch


class Taken(NamedTuple):
    """Chunks with Faust's handles for acknowledging them, the records to apply, the position after them.

    `gap`: a chunk before the next one was lost; records must be fetched again from `end`.
    """

    chunks: list[tuple[Any, Chunk]]
    records: list[Any]
    end: int
    gap: bool


class ClickQueue:
    """Chunks in the order in which they were fetched; at most `most` records make a transaction."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._queue: deque[tuple[Any, Chunk]] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def offer(self, event: Any, chunk: Chunk) -> None:
        """Queue a fetched chunk (`event` is Faust's handle for acknowledging it)."""
        self._queue.append((event, chunk))

    @property
    def full(self) -> bool:
        """Whether fetching more would only fill memory."""
        return sum(len(chunk.records) for _, chunk in self._queue) >= self._most

    def clear(self) -> None:
        """Drop everything."""
        self._queue.clear()

    def take(self, position: int, epoch: Epoch) -> Taken:
        """Chunks of this epoch that continue at `position`, without records before it."""
        taken: list[tuple[Any, Chunk]] = []
        records: list[Any] = []
        while self._queue and (not records or len(records) + len(self._queue[0][1].records) <= self._most):
            event, chunk = self._queue.popleft()
            if chunk.epoch != epoch:
                continue
            if chunk.start > position:
                self._queue.clear()
                return Taken(taken, records, position, True)
            records += since(chunk.records, position)
            position = max(position, chunk.end)
            taken.append((event, chunk))
        return Taken(taken, records, position, False)
