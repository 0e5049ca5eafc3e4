"""The pacer in a thread of another process, such as the trainer's: it ends with that process's work."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from deploy.pacing.budget_pacer import Pacer, PacerReplacedError
from deploy.pacing.pacer_parts import installed_pacer
from models.errors import PathcastError

log = structlog.get_logger("pathcast.pacer")

#: Seconds between two allocations.
EVERY: Final = 0.5
#: Seconds after a failure until the next attempt. Meanwhile partitions spend what they have been granted.
PAUSE: Final = 10.0
#: Seconds that a pacer may take to end.
GRACE: Final = 10.0


class PacerThread:
    """Runs the pacers that `make` makes, one after another: each begins with what the topics say.

    A failure is logged and tried again. It ends for good where another pacer takes over: both would replace
    each other without end.
    """

    def __init__(self, make: Callable[[], Pacer], pause: float = PAUSE, grace: float = GRACE) -> None:
        self._make, self._pause, self._grace = make, pause, grace
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End the pacer, and return when it has ended."""
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._pace())
        finally:
            self._loop.close()

    async def _pace(self) -> None:
        while not self._stop.is_set():
            try:
                await self._until_stopped(await asyncio.to_thread(self._make))
            except PacerReplacedError as error:
                log.error("budgets are no longer paced here", reason=str(error))
                return
            except (PathcastError, KafkaError, OSError) as error:
                log.error("budgets are not paced", reason=str(error) or repr(error), again_in=self._pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), self._pause)

    async def _until_stopped(self, pacer: Pacer) -> None:
        """A pacer that has not caught up with its topics does not see the stop, so it is given some time."""
        pacing = asyncio.create_task(pacer.run(self._stop))
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([pacing, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not pacing.done() and not (await asyncio.wait([pacing], timeout=self._grace))[0]:
            pacing.cancel()
        with suppress(asyncio.CancelledError):
            await pacing


@contextmanager
def paced(make: Callable[[float], Pacer] = installed_pacer) -> Iterator[None]:
    """Pace budgets beside the body."""
    thread = PacerThread(partial(make, EVERY))
    thread.start()
    try:
        yield
    finally:
        thread.close()
