"""Decide where chunks are processed: large ones on a thread, small ones at once on the event loop.

Under light load a fetch has a few clicks of each partition. Such chunks are processed together: one network
pass over all of them costs little more than a pass over one partition.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from streams.effects import Effects, Processor, Work

T = TypeVar("T")

#: A chunk of at most this many records stays on the event loop: a thread switch costs more than its work.
INLINE_RECORDS = 32
#: Small chunks are processed together up to this many records, which take some milliseconds.
TOGETHER_RECORDS = 128
#: Seconds between two such calls: without a pause a busy worker would make one call for each partition.
REST = 0.005


class Processing:
    """Calls the processor for all partitions of a worker; `threads` 0: everything on the event loop."""

    def __init__(self, processor: Processor, threads: int) -> None:
        self.processor = processor
        self._pool = ThreadPoolExecutor(threads, "process") if threads else None
        self._waiting: list[tuple[Work, asyncio.Future[Effects]]] = []
        #: Loop time before which no small chunks are processed.
        self._rested = 0.0

    async def process(self, work: Work) -> Effects:
        """Effects of a chunk. Raises the error of its processing."""
        if work.size > INLINE_RECORDS:
            return (await self._run(self.processor.process, [work]))[0]
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_at(self._rested, self._process_waiting)
        future: asyncio.Future[Effects] = loop.create_future()
        self._waiting.append((work, future))
        return await future

    async def reject(self, work: Work, error: Exception) -> Effects:
        """Effects of a record that cannot be processed."""
        return await self._run(self.processor.reject, work, error)

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        if self._pool is None:
            return function(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def _process_waiting(self) -> None:
        chunks = self._take()
        try:
            made = self.processor.process([work for work, _ in chunks])
        except Exception:  # noqa: BLE001 - any error of one chunk must not reach the others
            for work, future in chunks:
                self._process_alone(work, future)
        else:
            for (_, future), effects in zip(chunks, made, strict=True):
                _resolve(future, effects)
        self._rested = asyncio.get_running_loop().time() + REST
        if self._waiting:
            asyncio.get_running_loop().call_at(self._rested, self._process_waiting)

    def _take(self) -> "list[tuple[Work, asyncio.Future[Effects]]]":
        taken, records = 0, 0
        while taken < len(self._waiting) and records < TOGETHER_RECORDS:
            records += self._waiting[taken][0].size
            taken += 1
        chunks, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return chunks

    def _process_alone(self, work: Work, future: "asyncio.Future[Effects]") -> None:
        try:
            effects = self.processor.process([work])[0]
        except Exception as error:  # noqa: BLE001 - passed to the caller that waits
            _resolve(future, error)
        else:
            _resolve(future, effects)


def _resolve(future: "asyncio.Future[Effects]", outcome: Effects | Exception) -> None:
    """Resolve a future, unless its caller is gone because the partition was closed meanwhile."""
    if future.done():
        return
    if isinstance(outcome, Effects):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
