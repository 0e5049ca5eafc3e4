"""The assigned partitions of a process: opened on assignment, fed with chunks, closed on revocation."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from streams.config.topic_checks import check_state
from streams.effects import Processor
from streams.errors import PositionError
from streams.inputs.chunks import Chunk, Epoch
from streams.inputs.side_inputs import SideInputs
from streams.inputs.side_reader import SideReader
from streams.protocol.group_requests import Membership
from streams.storage.partition_store import PartitionStore, database_options, shared_memory
from streams.transport import state_checkpoint as checkpoints
from streams.transport.cycles import Cycles
from streams.transport.dispatch import Processing
from streams.transport.partition import AssignedPartition, OnLoss, Share
from streams.transport.runtime_config import Log, RuntimeConfig
from streams.transport.worker_producer import Guard

#: Called with the partitions of an assignment before anything of them is written here.
Announce = Callable[[Iterable[int]], Awaitable[None]]
#: Called with a partition and the position from which to read again.
Rewind = Callable[[int, int], Any]
#: A look-up of the broker's view: topic names -> {name: (topic id, {partition: end offset})}.
Describe = Callable[[Iterable[str]], dict[str, tuple[str, dict[int, int]]]]

#: The oldest offsets of partitions of clicks.
Begins = Callable[[Iterable[int]], Awaitable[Mapping[int, int]]]


async def all_from_zero(partitions: Iterable[int]) -> Mapping[int, int]:
    """Nothing was deleted yet."""
    return dict.fromkeys(partitions, 0)


async def announce_nothing(partitions: Iterable[int]) -> None:
    """Nobody wants to know."""


class Runtime:
    """Holds the assigned partitions and runs their cycles; ends the process when anything of it fails."""

    def __init__(
        self,
        config: RuntimeConfig,
        processor: Processor,
        describe: Describe,
        log: Log,
        announce: Announce = announce_nothing,
        on_failure: Callable[[Exception], None] = lambda error: None,
        on_loss: OnLoss = lambda partition, clicks: None,
    ) -> None:
        self.config = config
        self.tombstone_retention_ms = config.tombstone_retention_ms
        self.partitions: dict[int, AssignedPartition] = {}
        self.epoch = 0
        self.changelog_id = ""
        self.restored = self.ready = False
        self.failure: Exception | None = None
        self._describe, self._log, self._announce = describe, log, announce
        self._on_failure, self._on_loss = on_failure, on_loss
        #: Reads the side inputs for this assignment.
        self.reader: SideReader | None = None
        self.cycles: Cycles | None = None
        self._membership, self._topic_id = Membership("", "", -1), ""
        #: Positions in the group as of the assignment, by partition.
        self._known: dict[int, int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._cycling: asyncio.Task[None] | None = None
        #: A shutdown during a revocation must wait for it, because the stores are closed afterwards.
        self._closing = asyncio.Lock()
        self._starting = asyncio.Lock()  # recovery and a fetch that it discards both ask for positions
        self._processing = Processing(processor, config.threads)
        self._memory: tuple[Any, Any] | None = None

    def database_options(self) -> Any:
        """Options of RocksDB, with one block cache for all partitions instead of one for each."""
        if self._memory is None:
            self._memory = shared_memory(self.config.settings.block_cache_mb << 20)
        return database_options(*self._memory)

    async def start(self) -> None:
        """Open the log, before the worker joins its group."""
        await self._log.open()

    async def stop(self) -> None:
        """Close the log, when the worker has left its group."""
        await self._log.close()

    async def describe(self) -> dict[str, tuple[str, dict[int, int]]]:
        """Topic ids and ends of the inputs and of the changelog, off the event loop."""
        names = (*self.config.inputs, self.config.changelog)
        return await asyncio.get_running_loop().run_in_executor(None, self._describe, names)

    async def open(self, partitions: Iterable[int], membership: Membership, rewind: Rewind) -> None:
        """Take these partitions over from predecessors; must end before recovery reads the changelog's end.

        `membership` is that of the assignment: the group refuses transactions of an older one. `rewind` is
        called with a partition and the position from which to read again, where a chunk was lost.
        """
        partitions = list(partitions)
        await self._announce(partitions)
        topics = await self.describe()
        self.changelog_id, self._topic_id = topics[self.config.changelog][0], topics[self.config.topic][0]
        self._known = await self._log.take_over(self.config.changelog, membership, partitions)
        self._membership = membership
        self.partitions |= {partition: self._assigned(partition, rewind) for partition in partitions}
        # A recovery of the previous assignment may still report, and says nothing about these partitions.
        self.epoch += 1
        self.restored = self.ready = False

    def _assigned(self, partition: int, rewind: Rewind) -> AssignedPartition:
        def request(partition: int, position: int) -> None:
            """Mark the fetch in flight as stale at once; the seek itself waits for that fetch to end."""
            self.partitions[partition].seeks += 1
            rewind(partition, position)

        return AssignedPartition(partition, self.config.settings, request, self._on_loss)

    def is_ahead(self, partition: int, store: PartitionStore) -> bool:
        """Whether a store has changes of a transaction that was aborted: the broker lost its commit.

        A transaction commits positions and state together, and only then the store is written.
        """
        try:
            checkpoint = checkpoints.decode(store.get([checkpoints.CHECKPOINT_KEY])[0])
        except PositionError:  # is refused when everything is recovered
            return False
        known = self._known.get(partition, -1)
        return 0 <= known < checkpoint.positions.get(self._topic_id, 0)

    async def recovered(self, store: Any, begins: Begins = all_from_zero) -> dict[int, int]:
        """The tables are recovered: start the assigned partitions and return the positions to read from.

        Returns none where a rebalance has happened meanwhile, since its own recovery follows.
        """
        async with self._starting:
            if not self.ready:
                await self._start_all(store, begins)
        partitions = self.partitions if self.ready else {}
        return {number: partition.position for number, partition in partitions.items()}

    async def _start_all(self, store: Any, begins: Begins) -> None:
        epoch, topics, oldest = self.epoch, await self.describe(), await begins(self.partitions)
        if epoch != self.epoch:
            return
        self.changelog_id = topics.pop(self.config.changelog)[0]
        for number, partition in self.partitions.items():
            self._recover(partition, store.partition(number), topics, oldest.get(number, 0))
        if self.partitions:
            self._start_cycles()
        self.ready = True

    def _start_cycles(self) -> None:
        most = self.config.settings.chunk_records
        self.cycles = Cycles(self.partitions, self._processing, self._publish, most)
        self._cycling = self._start("cycles", self.cycles.run())
        if self.config.sides:
            self.reader = SideReader(self.config.sides, self.config.connection)
            self._start("side inputs", self.reader.run(dict(self.partitions)))

    def _recover(
        self, partition: AssignedPartition, store: Any, topics: Mapping[str, checkpoints.Topic], begin: int
    ) -> None:
        checkpoint = checkpoints.decode(store.get([checkpoints.CHECKPOINT_KEY])[0])
        number, topic = partition.partition, self.config.topic
        checkpoints.check(checkpoint, number, topics)
        partition.topic_id = topics[topic][0]
        known = self._known.get(number, -1)
        checkpoints.check_committed(checkpoint, f"{topic}[{number}]", partition.topic_id, known)
        partition.changelog_id = self.changelog_id
        partition.sides = SideInputs({topic: topics[topic][0] for topic in self.config.sides})
        state = partition.recovered(store, checkpoint, self.epoch, begin)
        self._processing.processor.opened(partition.partition, state)

    async def _publish(self, shares: Sequence[Share]) -> Sequence[int]:
        positions = {share.partition.partition: share.position for share in shares}
        guard = Guard(self._membership, self.config.topic, positions)
        parts = [share.messages(self.config.changelog) for share in shares]
        return await self._log.publish(parts, guard)

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error if isinstance(error, Exception) else RuntimeError(str(error)))

    def fail(self, error: Exception) -> None:
        """The process must end: only a restart from the state's own position is safe."""
        if self.failure is None:
            self.failure = error
            self.ready = False
            self._on_failure(error)

    async def verify(self) -> None:
        """Refuse to go on when an input topic was recreated, or got partitions, under the running worker."""
        topics = await self.describe()
        counts = {name: len(ends) for name, (_, ends) in topics.items()}
        changelog, clicks = self.config.changelog, self.config.topic
        check_state(changelog, counts[changelog], clicks, counts[clicks])
        for number, partition in self.partitions.items():
            for topic, known in {self.config.topic: partition.topic_id, **partition.sides.ids}.items():
                if known and known != topics[topic][0]:
                    raise PositionError(
                        f"{topic}[{number}] was recreated: id {topics[topic][0]}, was {known}; "
                        "run `pathcast state rebase` to keep the state and read the topic from its start"
                    )

    def current(self, partition: int) -> Epoch:
        """The epoch that a fetch of this partition belongs to when it begins now."""
        assigned = self.partitions.get(partition)
        return Epoch(self.epoch, assigned.seeks if assigned else 0)

    def offer(self, chunk: Chunk) -> None:
        """Give a chunk to its partition, unless this process does not own it any more."""
        if (partition := self.partitions.get(chunk.partition)) is not None:
            partition.offer(chunk)

    def is_full(self, partition: int) -> bool:
        """Whether a partition has chunks enough to be left out of the next fetch."""
        assigned = self.partitions.get(partition)
        return assigned is not None and assigned.full

    async def close(self) -> None:
        """Revocation and shutdown: no chunk of this epoch is applied after this returns."""
        async with self._closing:
            await self._close()

    async def _close(self) -> None:
        self.epoch += 1
        self.restored = self.ready = False
        tasks, self._tasks = self._tasks, []
        if self.cycles is not None and self._cycling is not None:
            self.cycles.stop()
            # Its failure has been reported already.
            await asyncio.gather(self._cycling, return_exceptions=True)
        for number, partition in self.partitions.items():
            partition.close()
            self._processing.processor.closed(number)
        self.partitions, self.cycles = {}, None
        for task in tasks:
            task.cancel()
        # The side reader closes its connection; its failure has been reported already.
        await asyncio.gather(*tasks, return_exceptions=True)
