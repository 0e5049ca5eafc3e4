"""One owned input partition: its queue of chunks, its fence, its producer, its store, and their one lock."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from streams import fence as fences
from streams.chunks import Chunk, Epoch
from streams.effects import Effects, Work
from streams.fence import FENCE_KEY, Fence
from streams.partition_store import PartitionStore, Persisted
from streams.processing import Processing
from streams.transactions import PartitionProducer


@dataclass(slots=True)
class Bounds:
    """How much one transaction may hold, and when an idle partition's clock goes on without records."""

    records: int = 2000
    idle_ms: int = 60_000


class OwnedPartition:
    """Applies chunks one transaction at a time: process -> publish -> local write -> acknowledge."""

    def __init__(
        self,
        partition: int,
        producer: PartitionProducer,
        processing: Processing,
        bounds: Bounds,
        rewind: Callable[[int, int], Any],
    ) -> None:
        self.partition = partition
        self.producer = producer
        self.seeks = 0
        self.lock = asyncio.Lock()
        self.topic_id = self.changelog = self.changelog_id = ""
        self.fence = Fence()
        self._processing, self._bounds, self._rewind = processing, bounds, rewind
        self._store: PartitionStore | None = None
        self._queue: deque[tuple[Any, Chunk]] = deque()
        self._arrived = asyncio.Event()
        self._group_epoch = 0

    @property
    def position(self) -> int:
        """The next input offset to apply."""
        return self.fence.positions.get(self.topic_id, 0)

    def recovered(self, store: PartitionStore, fence: Fence, group_epoch: int) -> None:
        """The state is complete: chunks of this epoch may be applied."""
        self._store, self.fence, self._group_epoch = store, fence, group_epoch
        self._queue.clear()
        # A recovered deletion, or one that a crash came after, still stands in the files.
        store.compact()
        self._processing.processor.opened(self.partition, store)

    def offer(self, event: Any, chunk: Chunk) -> None:
        """Queue a fetched chunk (`event` is Faust's handle for acknowledging it)."""
        self._queue.append((event, chunk))
        self._arrived.set()

    @property
    def full(self) -> bool:
        """Whether fetching more would only fill memory."""
        return sum(len(chunk.records) for _, chunk in self._queue) >= self._bounds.records

    async def run(self) -> None:
        """Apply what arrives until cancelled; when nothing does, let event time go on."""
        while True:
            try:
                await asyncio.wait_for(self._arrived.wait(), self._bounds.idle_ms / 1000)
            except TimeoutError:
                await self._tick()
                continue
            while self._queue:
                await self._apply_some()
            self._arrived.clear()

    async def _apply_some(self) -> None:
        async with self.lock:
            taken, records, end = self._take()
            if records:
                await self._transact(records, end, taken[0][1].fetched_at)
            elif end > self.position:
                self.fence = self.fence.moved(self.topic_id, end, self.fence.watermark, self.fence.clock)
            for event, _ in taken:
                event.ack()

    def _take(self) -> tuple[list[tuple[Any, Chunk]], list[Any], int]:
        """Queued chunks that continue the fence, at most one transaction's worth, without what it covers."""
        taken: list[tuple[Any, Chunk]] = []
        records: list[Any] = []
        position = self.position
        while self._queue and (
            not records or len(records) + len(self._queue[0][1].records) <= self._bounds.records
        ):
            event, chunk = self._queue.popleft()
            if chunk.epoch != Epoch(self._group_epoch, self.seeks):
                continue
            if chunk.start > position:
                self._queue.clear()
                self._rewind(self.partition, position)
                break
            records += chunk.records if chunk.start == position else _from(chunk.records, position)
            position = max(position, chunk.end)
            taken.append((event, chunk))
        return taken, records, position

    async def _transact(self, records: Sequence[Any], end: int, fetched_at: float) -> None:
        """Apply records in one transaction; where one of them cannot be processed, in several around it."""
        work = self._work(records, fetched_at)
        try:
            effects = await self._processing.process(work)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not block the partition
            if len(records) > 1:
                half = len(records) // 2
                await self._transact(records[:half], records[half].offset, fetched_at)
                await self._transact(records[half:], end, fetched_at)
                return
            effects = await self._processing.reject(work, error)
        now = int(time.time() * 1000)
        await self._commit(effects, self.fence.moved(self.topic_id, end, effects.watermark, now))

    async def _tick(self) -> None:
        """Event time of an idle partition follows the clock from where its last record left both."""
        async with self.lock:
            fence, now = self.fence, int(time.time() * 1000)
            idle_to = fence.watermark + now - fence.clock - self._bounds.idle_ms
            if self._store is None or not fence.clock or idle_to <= fence.watermark:
                return
            work = self._work((), time.monotonic(), idle_to)
            effects = await self._processing.process(work)
            if effects.state or effects.outputs:
                clock = now - self._bounds.idle_ms
                await self._commit(
                    effects, fence.moved(self.topic_id, self.position, effects.watermark, clock)
                )

    def _work(self, records: Sequence[Any], fetched_at: float, idle_to: int = 0) -> Work:
        assert self._store is not None
        return Work(self.partition, records, self._store, self.fence.watermark, fetched_at, idle_to)

    async def _commit(self, effects: Effects, fence: Fence) -> None:
        assert self._store is not None
        state = [*effects.state, (FENCE_KEY, fences.encode(fence))]
        offset = await self.producer.publish(effects.outputs, self.changelog, state)
        self._store.write(state, Persisted(offset, self.changelog_id, int(time.time() * 1000)))
        self.fence = fence
        if effects.erased:
            self._store.compact()
        if effects.committed is not None:
            effects.committed()

    async def close(self) -> None:
        """Wait for the transaction in flight, then let go of everything."""
        async with self.lock:
            self._store = None
            self._queue.clear()
        self._processing.processor.closed(self.partition)
        await self.producer.close()


def _from(records: Sequence[Any], position: int) -> list[Any]:
    return [record for record in records if record.offset >= position]
