"""Cycles: what has arrived for all assigned partitions is processed together, and is one transaction.

While a cycle commits, the next one is processed on top of its result in memory. A transaction that fails ends
the process, so nothing is ever undone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from streams.effects import Work
from streams.inputs.batches import InputBatch
from streams.transport.dispatch import INLINE_RECORDS, Processing
from streams.transport.partition import AssignedPartition, Share

#: Publishes shares in one transaction; returns, by share, the changelog offset of its last change.
Publish = Callable[[Sequence[Share]], Awaitable[Sequence[int]]]


class Cycles:
    """Runs the cycles of one assignment; a cycle has at most `most` clicks over all partitions."""

    def __init__(
        self,
        partitions: Mapping[int, AssignedPartition],
        processing: Processing,
        publish: Publish,
        most: int,
    ) -> None:
        self._partitions, self._processing = tuple(partitions.values()), processing
        self._publish, self._most = publish, most
        self._arrived, self._stopping = asyncio.Event(), False
        self._commit: asyncio.Task[None] | None = None
        for partition in self._partitions:
            partition.arrived = self._arrived.set

    @property
    def busy(self) -> bool:
        """Whether a cycle is being committed."""
        return self._commit is not None and not self._commit.done()

    async def run(self) -> None:
        """Run cycles until `stop`. Raises what ends the process."""
        while not self._stopping:
            await self._until_due()
            if self._stopping:
                break
            shares = await self._process()
            await self._committed()
            if shares and not self._stopping:
                self._commit = asyncio.get_running_loop().create_task(self._settle(shares))
        await self._committed()

    def stop(self) -> None:
        """Let `run` return after the transaction in flight; nothing else is committed."""
        self._stopping = True
        self._arrived.set()

    async def _committed(self) -> None:
        """Wait for the transaction in flight. Raises its error."""
        if self._commit is not None:
            await self._commit
            self._commit = None

    async def _settle(self, shares: Sequence[Share]) -> None:
        offsets = await self._publish(shares)
        for share, offset in zip(shares, offsets, strict=True):
            share.partition.settle(share, offset)

    async def _until_due(self) -> None:
        """Wait for records, or for a partition to be idle long enough.

        A few clicks wait for the transaction in flight: others may join them, and a cycle costs the same.
        """
        while not self._stopping:
            self._arrived.clear()
            waiting = sum(partition.waiting for partition in self._partitions)
            if waiting > INLINE_RECORDS or (waiting and not self.busy):
                return
            if self._commit is not None:
                await self._arrival_or_commit()
            elif not await self._arrival():
                return

    async def _arrival(self) -> bool:
        """Wait for records; False where a partition became idle first."""
        idle_at = min((partition.idle_at for partition in self._partitions), default=time.monotonic() + 60)
        try:
            await asyncio.wait_for(self._arrived.wait(), max(0.0, idle_at - time.monotonic()))
        except TimeoutError:
            return False
        return True

    async def _arrival_or_commit(self) -> None:
        """Wait for further records or the end of the transaction in flight. Raises the latter's error."""
        assert self._commit is not None
        arrival = asyncio.ensure_future(self._arrived.wait())
        await asyncio.wait((arrival, self._commit), return_when=asyncio.FIRST_COMPLETED)
        arrival.cancel()
        if self._commit.done():
            await self._committed()

    async def _process(self) -> list[Share]:
        """Process what waits; the shares to be committed."""
        batches = self._take()
        filled = [(partition, batch) for partition, batch in batches if batch.size]
        for partition, batch in batches:
            if not batch.size:
                partition.skip(batch)
        ticks = self._ticks([partition for partition, _ in batches], [partition for partition, _ in filled])
        await self._apply(filled, ticks)
        shares = (partition.share() for partition in self._partitions)
        return [share for share in shares if share is not None]

    def _take(self) -> list[tuple[AssignedPartition, InputBatch]]:
        """Batches of the partitions where something waits; those with little leave room to the others."""
        waiting = sorted((one for one in self._partitions if one.waiting), key=lambda one: one.waiting)
        taken, room = [], self._most
        for number, partition in enumerate(waiting):
            batch = partition.take(max(1, room // (len(waiting) - number)))
            room -= batch.size
            taken.append((partition, batch))
        return taken

    def _ticks(
        self, taken: Sequence[AssignedPartition], filled: Sequence[AssignedPartition]
    ) -> list[tuple[AssignedPartition, Work]]:
        """Works without records: they let the event time of idle partitions advance, or were asked for."""
        now = time.monotonic()
        idle = (one for one in self._partitions if one.idle_at <= now and one not in taken)
        ticks = [(one, work) for one in idle if (work := one.tick()) is not None]
        ticked = [*filled, *(one for one, _ in ticks)]
        rest = (one for one in self._partitions if one not in ticked)
        return ticks + [(one, work) for one in rest if (work := one.prompted()) is not None]

    async def _apply(
        self,
        batches: Sequence[tuple[AssignedPartition, InputBatch]],
        ticks: Sequence[tuple[AssignedPartition, Work]],
    ) -> None:
        works = [*(partition.work(batch) for partition, batch in batches), *(work for _, work in ticks)]
        if not works:
            return
        try:
            made = await self._processing.process(works)
        except Exception:  # noqa: BLE001 - an error of one partition's records must not reach the others
            for partition, batch in batches:
                await self._apply_alone(partition, batch)
            return
        for (partition, batch), work, effects in zip(batches, works, made, strict=False):
            partition.apply(work, effects, batch.ends)
        for (partition, work), effects in zip(ticks, made[len(batches) :], strict=True):
            if effects.state or effects.outputs or effects.routed:
                partition.apply(work, effects, {})

    async def _apply_alone(self, partition: AssignedPartition, batch: InputBatch) -> None:
        """Apply one partition's batch, in pieces around a record that cannot be processed."""
        work = partition.work(batch)
        try:
            (effects,) = await self._processing.process([work])
        except Exception as error:  # noqa: BLE001 - no error of a record may block the partition
            if batch.size > 1:
                for half in batch.halves():
                    await self._apply_alone(partition, half)
                return
            effects = self._processing.processor.reject(work, error)
        partition.apply(work, effects, batch.ends)
