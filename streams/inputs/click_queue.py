"""Fetched chunks of clicks of one partition that wait for a cycle."""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.inputs.batches import since
from streams.inputs.chunks import Chunk, Epoch


class Taken(NamedTuple):
    """Records to apply, the position after them, when the first was fetched (monotonic seconds, else None).

    `gap`: a chunk before the next one was lost; records must be fetched again from `end`. `lost`: clicks
    before `end` that the topic's retention deleted unread.
    """

    records: list[Any]
    end: int
    fetched_at: float | None
    gap: bool
    lost: int = 0


class ClickQueue:
    """Chunks in the order in which they were fetched; with `most` records it is full."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._queue: deque[Chunk] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def offer(self, chunk: Chunk) -> None:
        """Queue a fetched chunk."""
        self._queue.append(chunk)
        self._size += len(chunk.records)

    @property
    def size(self) -> int:
        """Waiting records; some may turn out to be applied already."""
        return self._size

    @property
    def full(self) -> bool:
        """Whether fetching more would only fill memory."""
        return self._size >= self._most

    def clear(self) -> None:
        """Drop everything."""
        self._queue.clear()
        self._size = 0

    def take(self, position: int, epoch: Epoch, most: int) -> Taken:
        """At most `most` records that continue at `position`, from chunks of this epoch."""
        records: list[Any] = []
        fetched_at: float | None = None
        lost = 0
        while self._queue and len(records) < most:
            chunk = self._queue[0]
            if chunk.epoch == epoch and chunk.start > position:
                self.clear()
                return Taken(records, position, fetched_at, True, lost)
            if chunk.epoch == epoch:
                found, room = since(chunk.records, position), most - len(records)
                records += found[:room]
                fetched_at = chunk.fetched_at if fetched_at is None else fetched_at
                lost += max(0, chunk.start + chunk.lost - max(position, chunk.start))
                if len(found) > room:
                    self._keep_of_first(found[room:])
                    return Taken(records, found[room].offset, fetched_at, False, lost)
                position = max(position, chunk.end)
            self._drop_first()
        return Taken(records, position, fetched_at, False, lost)

    def _drop_first(self) -> None:
        self._size -= len(self._queue.popleft().records)

    def _keep_of_first(self, records: Sequence[Any]) -> None:
        self._size += len(records) - len(self._queue[0].records)
        self._queue[0] = self._queue[0]._replace(records=records, start=records[0].offset, lost=0)
