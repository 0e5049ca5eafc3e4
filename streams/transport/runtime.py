"""The assigned partitions of a process: opened on assignment, fed with chunks, closed on revocation."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.durations import DAY_MS
from streams.config.worker_settings import WorkerSettings
from streams.effects import Processor
from streams.errors import PositionError
from streams.inputs.chunks import Chunk, Epoch
from streams.inputs.side_inputs import SideInputs
from streams.inputs.side_reader import SideReader
from streams.storage.partition_store import database_options, shared_memory
from streams.transport import state_checkpoint as checkpoints
from streams.transport.dispatch import Processing
from streams.transport.hanging_transactions import Finish
from streams.transport.partition import PartitionTask
from streams.transport.transactions import PartitionProducer

#: Called with the partitions of an assignment before anything of them is written here.
Announce = Callable[[Iterable[int]], Awaitable[None]]
#: Called with a partition and the position from which to read again.
Rewind = Callable[[int, int], Any]
#: A look-up of the broker's view: topic names -> {name: (topic id, {partition: end offset})}.
Describe = Callable[[Iterable[str]], dict[str, tuple[str, dict[int, int]]]]


@dataclass
class RuntimeConfig:
    """What the transport needs to know; `sides` are further input topics.

    A setting is read as `config.settings.<name>`. `threads` are those beside the event loop;
    `tombstone_retention_ms` is how long the changelog keeps deletion marks.
    """

    settings: WorkerSettings
    topic: str
    changelog: str
    connection: dict[str, Any]
    tombstone_retention_ms: int = DAY_MS
    threads: int = 0
    sides: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The topics that change state, clicks first."""
        return self.topic, *self.sides


class Runtime:
    """Holds the tasks of the assigned partitions, and ends the process when one of them fails."""

    def __init__(
        self,
        config: RuntimeConfig,
        processor: Processor,
        describe: Describe,
        finish: Finish | None = None,
        announce: Announce | None = None,
        on_failure: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self.config = config
        self.tombstone_retention_ms = config.tombstone_retention_ms
        self.partitions: dict[int, PartitionTask] = {}
        self.epoch = 0
        self.changelog_id = ""
        self.restored = self.ready = False
        self.failure: Exception | None = None
        self._describe, self._finish, self._announce = describe, finish, announce
        self._on_failure = on_failure
        #: Reads the side inputs for this assignment.
        self.reader: SideReader | None = None
        self._tasks: list[asyncio.Task[None]] = []
        #: A shutdown during a revocation must wait for it, because the stores are closed afterwards.
        self._closing = asyncio.Lock()
        self._processing = Processing(processor, config.threads)
        self._memory: tuple[Any, Any] | None = None

    def database_options(self) -> Any:
        """Options of RocksDB, with one block cache for all partitions instead of one for each."""
        if self._memory is None:
            self._memory = shared_memory(self.config.settings.block_cache_mb << 20)
        return database_options(*self._memory)

    async def describe(self) -> dict[str, tuple[str, dict[int, int]]]:
        """Topic ids and ends of the inputs and of the changelog, off the event loop."""
        names = (*self.config.inputs, self.config.changelog)
        return await asyncio.get_running_loop().run_in_executor(None, self._describe, names)

    async def open(self, partitions: Iterable[int], rewind: Rewind) -> None:
        """Fence every predecessor of these partitions; must end before recovery reads the changelog's end.

        `rewind` is called with a partition and the position from which to read again, where a chunk was lost.
        """
        partitions = list(partitions)
        if self._announce is not None:
            await self._announce(partitions)
        self.changelog_id = (await self.describe())[self.config.changelog][0]
        await asyncio.gather(*(self._open(partition, rewind) for partition in partitions))
        if self._finish is not None:
            producers = {partition: task.producer.producer_id for partition, task in self.partitions.items()}
            await asyncio.to_thread(self._finish, self.config.changelog, producers)
        # A recovery of the previous assignment may still report, and says nothing about these partitions.
        self.epoch += 1
        self.restored = self.ready = False

    async def _open(self, partition: int, rewind: Rewind) -> None:
        config = self.config
        identity = f"{config.settings.application_id}-{partition}"
        timeout_ms = int(config.settings.transaction_timeout_seconds * 1000)
        producer = PartitionProducer(identity, partition, timeout_ms, config.connection)
        await producer.open()

        def request(partition: int, position: int) -> None:
            """Mark the fetch in flight as stale at once; the seek itself waits for that fetch to end."""
            self.partitions[partition].seeks += 1
            rewind(partition, position)

        self.partitions[partition] = PartitionTask(
            partition, producer, self._processing, config.settings, request
        )

    async def recovered(self, store: Any) -> dict[int, int]:
        """The tables are recovered: start the assigned partitions and return the positions to read from.

        Returns none where a rebalance has happened meanwhile, since its own recovery follows.
        """
        if not self.ready:
            await self._start_all(store)
        if not self.ready:
            return {}
        return {partition: task.position for partition, task in self.partitions.items()}

    async def _start_all(self, store: Any) -> None:
        epoch, topics = self.epoch, await self.describe()
        if epoch != self.epoch:
            return
        self.changelog_id = topics.pop(self.config.changelog)[0]
        for partition, task in self.partitions.items():
            self._recover(partition, task, store.partition(partition), topics)
            self._start(f"partition-{partition}", task.run())
        if self.config.sides:
            self.reader = SideReader(self.config.sides, self.config.connection)
            self._start("side inputs", self.reader.run(dict(self.partitions)))
        self.ready = True

    def _recover(
        self, partition: int, task: PartitionTask, state: Any, topics: Mapping[str, checkpoints.Topic]
    ) -> None:
        checkpoint = checkpoints.decode(state.get([checkpoints.CHECKPOINT_KEY])[0])
        checkpoints.check(checkpoint, partition, topics)
        task.topic_id = topics[self.config.topic][0]
        task.changelog, task.changelog_id = self.config.changelog, self.changelog_id
        task.sides = SideInputs({topic: topics[topic][0] for topic in self.config.sides})
        task.recovered(state, checkpoint, self.epoch)

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

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
        """Refuse to go on when an input topic was recreated under the running worker."""
        topics = await self.describe()
        for partition, task in self.partitions.items():
            for topic, known in {self.config.topic: task.topic_id, **task.sides.ids}.items():
                if known and known != topics[topic][0]:
                    raise PositionError(
                        f"{topic}[{partition}] was recreated: id {topics[topic][0]}, was {known}; "
                        "run `pathcast state rebase` to keep the state and read the topic from its start"
                    )

    def current(self, partition: int) -> Epoch:
        """The epoch that a fetch of this partition belongs to when it begins now."""
        task = self.partitions.get(partition)
        return Epoch(self.epoch, task.seeks if task else 0)

    def offer(self, event: Any, chunk: Chunk) -> bool:
        """Give a chunk to its partition; False where this process does not own it any more."""
        task = self.partitions.get(chunk.partition)
        if task is None:
            return False
        task.offer(event, chunk)
        return True

    def is_full(self, partition: int) -> bool:
        """Whether a partition has chunks enough to be left out of the next fetch."""
        task = self.partitions.get(partition)
        return task is not None and task.full

    async def close(self) -> None:
        """Revocation and shutdown: no chunk of this epoch is applied after this returns."""
        async with self._closing:
            await self._close()

    async def _close(self) -> None:
        self.epoch += 1
        self.restored = self.ready = False
        closed, self.partitions = self.partitions, {}
        tasks, self._tasks = self._tasks, []
        await asyncio.gather(*(partition.close() for partition in closed.values()))
        for task in tasks:
            task.cancel()
        # The side reader closes its connection; its failure has been reported already.
        await asyncio.gather(*tasks, return_exceptions=True)
