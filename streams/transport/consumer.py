"""Faust's Kafka transport in chunks: one message per partition and fetch instead of one per record.

Faust still does membership, assignment, tables and recovery. Reading resumes from the checkpoint in a
partition's own state; the group's committed offset guards transactions and informs lag monitors.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from faust.transport.consumer import ensure_TPset
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.inputs import chunks
from streams.inputs.chunks import Chunk, FetchedRecord
from streams.inputs.fetching import ConsumerThread
from streams.inputs.lost_clicks import LostClicks
from streams.protocol.group_requests import Membership
from streams.transport.runtime import Runtime

#: Longest wait (s) of a fetch, so that a partition that it leaves out is included again soon.
FETCH_TIMEOUT = 0.2
#: The same while a partition is left out because its queue is full.
FULL_TIMEOUT = 0.005


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Delivers chunks; its positions follow only from the checkpoints of the assigned partitions."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._fetching = asyncio.Lock()
        self._chain: dict[TP, int] = {}
        self._chain_epoch = -1
        self._rewinds: set[asyncio.Task[None]] = set()
        #: Whether clicks are fetched, now that their positions are those of the checkpoints.
        self._flowing = False
        self.runtime = self.app.pathcast
        self._losses = LostClicks(self._thread)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        timestamp = record.timestamp / 1000 if record.timestamp is not None else None
        message = (tp.topic, tp.partition, record.offset, timestamp, 0, (), b"", record, None, 0, 0, tp)
        return ConsumerMessage(*message, generation_id=self.app.consumer_generation_id)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Chunk]]:
        async with self._fetching:
            wanted = {tp for tp in active_partitions or () if not self._must_wait(tp)}
            if not wanted:
                await asyncio.sleep(FULL_TIMEOUT)
                return {}
            epochs = {tp: self.runtime.current(tp.partition) for tp in wanted}
            self._forget_chain()
            before = {tp: self._thread.position_now(tp) for tp in wanted}
            limit = FETCH_TIMEOUT if len(wanted) == len(active_partitions or ()) else FULL_TIMEOUT
            records = await super()._getmany(wanted, min(timeout, limit))
            now = time.monotonic()
            lost = {tp: await self._lost(tp, records.get(tp)) for tp in wanted}
            spans = {tp: self._span(tp, before[tp], records.get(tp)) for tp in wanted}
        return {
            tp: [chunks.make(tp, span, records.get(tp) or (), epochs[tp], now, lost[tp])]
            for tp, span in spans.items()
            if span is not None
        }

    async def _lost(self, tp: TP, records: list[FetchedRecord] | None) -> int:
        """Clicks that were deleted between the end of the previous chunk and these records."""
        if tp not in self._chain:
            return 0
        try:
            return await self._losses.before(tp, self._chain[tp], records)
        except Exception as error:  # noqa: BLE001 - Faust would restart the fetcher
            self.runtime.fail(error)
            return 0

    def _must_wait(self, tp: TP) -> bool:
        runtime: Runtime = self.runtime
        return self._has_clicks(tp) and (not self._flowing or runtime.is_full(tp.partition))

    def _has_clicks(self, tp: TP) -> bool:
        """Whether this is a partition of clicks, not of the changelog."""
        return bool(tp.topic == self.runtime.config.topic)

    def resume_flow(self) -> None:
        """Resume fetching; clicks only once they are positioned.

        Faust empties its queues just before this call. A chunk fetched earlier could be lost, and without
        another click in its partition nothing would detect that.
        """
        super().resume_flow()
        self._flowing = self.runtime.ready

    def _forget_chain(self) -> None:
        if self._chain_epoch != self.runtime.epoch:
            self._chain.clear()
            self._chain_epoch = self.runtime.epoch

    def _span(
        self, tp: TP, before: int | None, records: list[FetchedRecord] | None
    ) -> tuple[int, int] | None:
        """The span of a fetch; it starts at the end of the previous chunk, so that a lost chunk shows."""
        lost = bool(records) and self._losses.pending(tp)  # after these records: the next span begins with it
        after = 0 if lost else self._thread.position_now(tp) or 0
        end = max(after, records[-1].offset + 1 if records else 0)
        start = self._chain.get(
            tp, before if before is not None else (records[0].offset if records else None)
        )
        if start is None or end <= start:
            return None
        if self._has_clicks(tp):
            # Recovery seeks in the changelog without `_move`; offsets tell which records are read twice.
            self._chain[tp] = end
        return start, end

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: the span of a chunk has no gaps."""

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Do nothing: each transaction of the worker commits the positions of its partitions."""
        return False

    async def on_partitions_assigned(self, assigned: Iterable[TP], generation_id: int = 0) -> None:
        """Take over from predecessors before recovery looks at the end of the changelog."""
        try:
            partitions = [tp.partition for tp in assigned if self._has_clicks(tp)]
            membership = Membership(self.app.conf.id, self._thread.member_id, generation_id)
            await self.runtime.open(partitions, membership, self._schedule_rewind)
        except Exception as error:  # noqa: BLE001 - aiokafka would log it and go on
            self.runtime.fail(error)
            return
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: Iterable[TP]) -> None:
        """Finish the transaction in flight; nothing that was fetched before is applied afterwards."""
        self._flowing = False
        await self.runtime.close()
        self._unacked_messages.clear()
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """Seek to the checkpoints; Faust also calls this during recovery, to discard a fetch."""
        await super().perform_seek()
        if not self.runtime.restored:
            return
        try:
            positions = await self.runtime.recovered(self.app.pathcast_table.data, self._begins)
        except Exception as error:  # noqa: BLE001 - faust.tables.recovery would retry forever
            self.runtime.fail(error)
            return
        for tp in ensure_TPset(self.assignment()):
            if self._has_clicks(tp) and tp.partition in positions:
                await self._move(tp, positions[tp.partition])

    async def _begins(self, partitions: Iterable[int]) -> dict[int, int]:
        """The oldest offsets of partitions of clicks."""
        wanted = [TP(self.runtime.config.topic, partition) for partition in partitions]
        begins = await self._thread.earliest_offsets(*wanted) if wanted else {}
        return {tp.partition: offset for tp, offset in begins.items()}

    def _schedule_rewind(self, partition: int, position: int) -> None:
        task = self.loop.create_task(self._rewind(TP(self.runtime.config.topic, partition), position))
        self._rewinds.add(task)
        task.add_done_callback(self._rewinds.discard)

    async def _rewind(self, tp: TP, position: int) -> None:
        if tp in ensure_TPset(self.assignment()):
            await self._move(tp, position)

    async def _move(self, tp: TP, position: int) -> None:
        """Seek between two fetches, so that no result of an earlier fetch is used."""
        async with self._fetching:
            self._losses.follow(tp)
            await self._thread.seek_wait({tp: position})
            self._forget_chain()
            self._chain[tp] = position
        self._read_offset[tp] = position or None

    async def wait_empty(self) -> None:
        """Shutdown: finish transactions in flight; queued chunks are read again from the checkpoint."""
        await self.runtime.close()
        self._unacked_messages.clear()
        await self.commit_and_end_transactions()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's livelock detector does not know chunks; /readyz and lag replace it."""


class Transport(driver.Transport):  # type: ignore[misc]
    """`chunked://host:port`."""

    Consumer = Consumer
