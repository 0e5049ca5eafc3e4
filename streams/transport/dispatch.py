"""Decide where a cycle is processed: a large one on a thread, a small one at once on the event loop."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from streams.effects import Effects, Processor, Work

#: A cycle of at most this many records stays on the event loop: a thread switch costs more than its work.
INLINE_RECORDS = 64


class Processing:
    """Calls the processor, one call at a time; `threads` 0: everything on the event loop."""

    def __init__(self, processor: Processor, threads: int) -> None:
        self.processor = processor
        self._pool = ThreadPoolExecutor(1, "process") if threads else None

    async def process(self, works: Sequence[Work]) -> list[Effects]:
        """Effects of batches of different partitions. Raises the error of their processing."""
        if self._pool is None or sum(work.size for work in works) <= INLINE_RECORDS:
            return self.processor.process(works)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.processor.process, works)
