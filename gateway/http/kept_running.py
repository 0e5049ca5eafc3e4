"""Run what follows topics and files beside the routes: whatever ends it, it begins again.

A gateway that ended with it would take the collection of events along, and end again on the same record.
"""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog

log = structlog.get_logger("pathcast.gateway")
#: Seconds until work that has ended begins again.
PAUSE_SECONDS: Final = 1.0
#: Seconds after its end for which /readyz says so, though it has begun again.
TOLD_SECONDS: Final = 10.0


class KeptRunning:
    """`work` goes on until it is cancelled, raises what ends it, and returns if there is nothing to do."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._work, self._clock = work, clock
        self._fault, self._at = "", 0.0

    def state(self, held: bool = True) -> bool | str:
        """For /readyz: `held`, or why the work has ended."""
        if self._fault and (not held or self._clock() - self._at < TOLD_SECONDS):
            return self._fault
        return held

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work until this is left, and wait for the end of it."""
        task = asyncio.create_task(self._on_and_on())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _on_and_on(self) -> None:
        while True:
            try:
                await self._work()
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the work goes on
                self._fault = f"{type(error).__name__} at {place(error)}"
            self._at = self._clock()
            log.error("work beside the routes has ended, it begins again", work=self.name, reason=self._fault)
            await asyncio.sleep(PAUSE_SECONDS)


def place(error: BaseException) -> str:
    """File and line at which an error was raised; its text may quote a person, so only these are told."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
