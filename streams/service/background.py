"""Background services beside the chunks: HTTP endpoints, broadcast topics, lag, and a check of topic ids."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from streams.metrics import Metrics
from streams.service.web import Endpoints
from streams.transport.broadcast import Broadcast
from streams.transport.partition import AssignedPartition
from streams.transport.runtime import Runtime

log = structlog.get_logger("pathcast.worker")

#: Seconds between two updates of the lag, and between two checks of topic ids.
LAG_EVERY = 1.0
VERIFY_EVERY = 30.0


def conditions(runtime: Runtime, broadcasts: Sequence[Broadcast]) -> dict[str, bool]:
    """Conditions of readiness: partitions assigned and recovered, broadcast topics read to their ends."""
    read = {f"{broadcast.topic} read": broadcast.caught_up.is_set() for broadcast in broadcasts}
    return {"assigned": bool(runtime.partitions), "recovered": runtime.ready, **read}


class BackgroundServices:
    """Started before the worker joins its group and stopped after it has left; `chores` run meanwhile.

    `end_of` tells the end of a partition of clicks as of its last fetch, None where it is not known.
    `warm_up` makes ready what answers without a model; it may take seconds.
    """

    def __init__(
        self,
        runtime: Runtime,
        metrics: Metrics,
        broadcasts: Sequence[Broadcast],
        chores: Sequence[Callable[[], Coroutine[Any, Any, None]]],
        endpoints: Endpoints,
        end_of: Callable[[int], int | None],
        warm_up: Callable[[], None],
    ) -> None:
        self.runtime, self.metrics, self.broadcasts, self._chores = runtime, metrics, broadcasts, chores
        self.endpoints, self._end_of, self._warm_up = endpoints, end_of, warm_up
        self._tasks: list[asyncio.Task[Any]] = []
        self._started_at = time.monotonic()

    async def start(self) -> None:
        """Start; returns when catalogue and model are known, because the first click needs them."""
        self._started_at = time.monotonic()
        await self.endpoints.start()
        log.info("listening", host=self.endpoints.host, port=self.endpoints.port)
        for broadcast in self.broadcasts:
            self._watch(broadcast.run())
        await asyncio.to_thread(self._warm_up)
        await asyncio.gather(*(broadcast.caught_up.wait() for broadcast in self.broadcasts))
        self._watch(self._follow_lag())
        self._watch(self._verify())
        for chore in self._chores:
            self._watch(chore())

    def _watch(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.runtime.fail(error)

    async def _follow_lag(self) -> None:
        ready = False
        while True:
            if self.runtime.ready and not ready:
                self.metrics.recovery.set(time.monotonic() - self._started_at)
            ready = self.runtime.ready
            self.metrics.ready.set(all(conditions(self.runtime, self.broadcasts).values()))
            self.metrics.lag.clear()
            self.metrics.watermark.clear()
            self.metrics.side_lag.clear()
            for number, partition in list(self.runtime.partitions.items()) if ready else ():
                end = self._end_of(number) or 0
                self.metrics.lag.labels(number).set(max(0, end - partition.committed_position))
                self.metrics.watermark.labels(number).set(partition.committed.watermark / 1000)
                self._follow_sides(number, partition)
            await asyncio.sleep(LAG_EVERY)

    def _follow_sides(self, number: int, partition: AssignedPartition) -> None:
        reader = self.runtime.reader
        if reader is None:
            return
        for topic in partition.sides.ids:
            lag = reader.lag(topic, number, partition.side_position(topic))
            self.metrics.side_lag.labels(topic, number).set(lag)

    async def _verify(self) -> None:
        while True:
            await asyncio.sleep(VERIFY_EVERY)
            await self.runtime.verify()

    async def stop(self) -> None:
        """Stop everything that was started."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.endpoints.stop()
