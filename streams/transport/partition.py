"""The task of one assigned partition: its queue of chunks, checkpoint, producer, store, and one lock."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from streams.config.worker_settings import WorkerSettings
from streams.effects import Effects, Work
from streams.inputs.batches import CLICKS, InputBatch, Part
from streams.inputs.chunks import Chunk, Epoch
from streams.inputs.click_queue import ClickQueue
from streams.inputs.side_inputs import SideInputs
from streams.storage.partition_store import PartitionStore, Persisted
from streams.transport import state_checkpoint as checkpoints
from streams.transport.dispatch import Processing
from streams.transport.state_checkpoint import CHECKPOINT_KEY, StateCheckpoint
from streams.transport.transactions import PartitionProducer


class PartitionTask:
    """Applies chunks one transaction at a time: process, publish, write locally, acknowledge."""

    def __init__(
        self,
        partition: int,
        producer: PartitionProducer,
        processing: Processing,
        settings: WorkerSettings,
        rewind: Callable[[int, int], Any],
    ) -> None:
        self.partition = partition
        self.producer = producer
        self.seeks = 0
        self.lock = asyncio.Lock()
        self.topic_id = self.changelog = self.changelog_id = ""
        self.checkpoint = StateCheckpoint()
        self.sides = SideInputs({})
        self._processing, self._rewind = processing, rewind
        self._idle_ms = int(settings.idle_seconds * 1000)
        self._store: PartitionStore | None = None
        self._queue = ClickQueue(settings.chunk_records)
        self._idle_at = 0.0
        self._arrived = asyncio.Event()
        self._group_epoch = 0

    @property
    def position(self) -> int:
        """The next input offset to apply."""
        return self.checkpoint.positions.get(self.topic_id, 0)

    def side_position(self, topic: str) -> int:
        """The next offset of a side input to apply."""
        return self.checkpoint.positions.get(self.sides.ids[topic], 0)

    def recovered(self, store: PartitionStore, checkpoint: StateCheckpoint, group_epoch: int) -> None:
        """The state is recovered: chunks of this epoch may be applied from now on."""
        # An input that was never read gets a position, too, so that its recreation is noticed later.
        unread = {topic_id: 0 for topic_id in self.sides.ids.values() if topic_id not in checkpoint.positions}
        self.checkpoint = checkpoint.moved(unread, checkpoint.watermark, checkpoint.clock)
        self._store, self._group_epoch = store, group_epoch
        self._queue.clear()
        # Deleted values may still be in the files, after a recovery or a crash.
        store.compact()
        self._processing.processor.opened(self.partition, store)

    def offer(self, event: Any, chunk: Chunk) -> None:
        """Queue a fetched chunk (`event` is Faust's handle for acknowledging it)."""
        self._queue.offer(event, chunk)
        self._arrived.set()

    def offer_side(self, topic: str, records: Sequence[Any], end: int) -> None:
        """Queue records of a side input; `end` is the position of their reader. Does nothing once closed."""
        if self._store is not None:
            self.sides.offer(topic, records, end)
            self._arrived.set()

    @property
    def full(self) -> bool:
        """Whether fetching more would only fill memory."""
        return self._queue.full

    async def run(self) -> None:
        """Apply arriving chunks until cancelled; without clicks, let event time advance."""
        self._busy()
        while True:
            try:
                await asyncio.wait_for(self._arrived.wait(), max(0.0, self._idle_at - time.monotonic()))
            except TimeoutError:
                self._busy()
                await self._tick()
                continue
            if self._queue:
                self._busy()
            while self._queue or self.sides.waiting:
                await self._apply_some()
            self._arrived.clear()

    def _busy(self) -> None:
        self._idle_at = time.monotonic() + self._idle_ms / 1000

    async def _apply_some(self) -> None:
        async with self.lock:
            taken = self._queue.take(self.position, Epoch(self._group_epoch, self.seeks))
            if taken.gap:
                self._rewind(self.partition, taken.end)
            clicks = Part(CLICKS, self.topic_id, taken.records, taken.end)
            fetched_at = taken.chunks[0][1].fetched_at if taken.records else time.monotonic()
            batch = InputBatch([*self.sides.take(self.checkpoint.positions), clicks], fetched_at)
            if batch.size:
                await self._transact(batch)
            else:
                self.checkpoint = self.checkpoint.moved(
                    batch.ends, self.checkpoint.watermark, self.checkpoint.clock
                )
            for event, _ in taken.chunks:
                event.ack()

    async def _transact(self, batch: InputBatch) -> None:
        """Apply a batch in one transaction, or in several around a record that cannot be processed."""
        work = self._work(batch)
        try:
            effects = await self._processing.process(work)
        except Exception as error:  # noqa: BLE001 - no error of a record may block the partition
            if batch.size > 1:
                for half in batch.halves():
                    await self._transact(half)
                return
            effects = await self._processing.reject(work, error)
        # Event time follows the clock since the last click; records of other inputs do not restart that.
        clock = int(time.time() * 1000) if work.records else self.checkpoint.clock
        await self._commit(effects, self.checkpoint.moved(batch.ends, effects.watermark, clock))

    async def _tick(self) -> None:
        """Advance the event time of an idle partition by the time that has passed since its last record."""
        async with self.lock:
            checkpoint, now = self.checkpoint, int(time.time() * 1000)
            idle_to = checkpoint.watermark + now - checkpoint.clock - self._idle_ms
            if self._store is None or not checkpoint.clock or idle_to <= checkpoint.watermark:
                return
            work = self._work(InputBatch([], time.monotonic()), idle_to)
            effects = await self._processing.process(work)
            if effects.state or effects.outputs or effects.routed:
                clock = now - self._idle_ms
                await self._commit(effects, checkpoint.moved({}, effects.watermark, clock))

    def _work(self, batch: InputBatch, idle_to: int = 0) -> Work:
        assert self._store is not None
        found = {part.topic_id: part.records for part in batch.parts}
        records = found.pop(self.topic_id, ())
        sides = {part.topic: part.records for part in batch.parts if part.topic_id in found and part.records}
        watermark, fetched_at = self.checkpoint.watermark, batch.fetched_at
        return Work(self.partition, records, self._store, watermark, fetched_at, idle_to, sides)

    async def _commit(self, effects: Effects, checkpoint: StateCheckpoint) -> None:
        assert self._store is not None
        state = [*effects.state, (CHECKPOINT_KEY, checkpoints.encode(checkpoint))]
        offset = await self.producer.publish(effects.outputs, self.changelog, state, effects.routed)
        self._store.write(state, Persisted(offset, self.changelog_id, int(time.time() * 1000)))
        self.checkpoint = checkpoint
        if effects.erased:
            self._store.compact()
        if effects.committed is not None:
            effects.committed()

    async def close(self) -> None:
        """Wait for the transaction in flight, then release everything."""
        async with self.lock:
            self._store = None
            self._queue.clear()
            self.sides.clear()
        self._processing.processor.closed(self.partition)
        await self.producer.close()
