"""Write clicks with an idempotent producer; what is not acknowledged is never said to be accepted.

Events that wait for Kafka are bounded. Beyond the bound callers get 429; while Kafka acknowledges nothing,
they get 503. An event that a caller was told 503 of may still be written later: it is answered once, if it
is sent again under its id.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiokafka
import structlog
from aiokafka.errors import KafkaError

from gateway.events.click_records import ClickRecord
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.parts import States
from gateway.http.problems import HttpProblem, later

log = structlog.get_logger("pathcast.gateway")
#: Seconds for a producer to write what waits when it is stopped, and between two tries to start a new one.
STOP_SECONDS, RESTART_SECONDS = 10.0, 1.0
#: Bytes of events that wait at most, however few they are: the bound by number is meant for small ones.
MOST_WAITING_BYTES = 64 << 20
#: What a record takes beside its value, at most: a key of 1 kB.
_RECORD_BYTES = 4096


class ClicksWriter:
    """One for a process. `make` makes a producer that is not started."""

    def __init__(
        self,
        topic: str,
        make: Callable[[], Any],
        metrics: GatewayMetrics,
        waiting_events: int,
        delivery_seconds: float,
    ) -> None:
        self._topic, self._make, self._metrics = topic, make, metrics
        self._most, self._patience = waiting_events, delivery_seconds
        self._producer: Any = None
        #: Deliveries under way with their start, the oldest first.
        self._pending: dict[asyncio.Task[None], float] = {}
        self._waiting = self._waiting_bytes = 0
        self._replacing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect; at the end write what waits. Raises KafkaError."""
        self._producer = self._make()
        await self._producer.start()
        try:
            yield
        finally:
            if self._replacing is not None:
                self._replacing.cancel()
            await _stop(self._producer)

    @property
    def stalled(self) -> bool:
        """Whether Kafka has acknowledged nothing for longer than callers wait."""
        oldest = next(iter(self._pending.values()), None)
        return oldest is not None and time.monotonic() - oldest > self._patience

    def conditions(self) -> States:
        """For /readyz."""
        return {"clicks_writable": self._replacing is None and not self.stalled}

    async def write(self, records: Sequence[ClickRecord]) -> None:
        """Return once all records are on the topic. Raises HttpProblem (429, 503)."""
        if self.stalled or self._replacing is not None:
            raise _unavailable(self._patience)
        size = sum(len(one.value) for one in records)
        full = self._waiting + len(records) > self._most
        if full or (self._waiting and self._waiting_bytes + size > MOST_WAITING_BYTES):
            told = f"{self._waiting} events wait for Kafka, which is the most: send this again in a second"
            raise later(429, "back_pressure", told)
        task = asyncio.create_task(self._deliver(records))
        self._pending[task] = time.monotonic()
        self._count(len(records), size)
        task.add_done_callback(lambda done: self._done(done, len(records), size))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if not done or task.exception() is not None:
            self._metrics.events.labels("undelivered").inc(len(records))
            raise _unavailable(self._patience)
        self._metrics.events.labels("accepted").inc(len(records))

    async def _deliver(self, records: Sequence[ClickRecord]) -> None:
        """Raises KafkaError."""
        producer = self._producer
        try:
            sent = [await producer.send(self._topic, one.value, one.key) for one in records]
            await asyncio.gather(*sent)
        except KafkaError as error:
            # Records after a lost one would be out of sequence for ever: only a new producer may go on.
            self._replace(producer, error)
            raise

    def _done(self, task: asyncio.Task[None], count: int, size: int) -> None:
        self._pending.pop(task, None)
        self._count(-count, -size)
        if not task.cancelled():
            task.exception()  # it has been told, or the caller is gone

    def _count(self, change: int, size: int) -> None:
        self._waiting += change
        self._waiting_bytes += size
        self._metrics.waiting.set(self._waiting)

    def _replace(self, producer: Any, error: KafkaError) -> None:
        if self._replacing is None and producer is self._producer:
            log.warning("clicks were not written, a new producer is made", reason=type(error).__name__)
            self._replacing = asyncio.create_task(self._restart(producer))

    async def _restart(self, old: Any) -> None:
        await _stop(old)
        while True:
            made = self._make()
            try:
                await made.start()
            except Exception as error:  # noqa: BLE001 - whatever it is, only a later try can mend it
                log.warning("no producer could be started, it is tried again", reason=type(error).__name__)
                await _stop(made)
                await asyncio.sleep(RESTART_SECONDS)
            else:
                self._producer, self._replacing = made, None
                return


async def _stop(producer: Any) -> None:
    with suppress(Exception):  # what it was to write is told to callers as not written
        await asyncio.wait_for(producer.stop(), STOP_SECONDS)


def clicks_producer(connection: dict[str, Any], event_bytes: int) -> Any:
    """An idempotent producer without lingering; aiokafka partitions keys as the Java client does.

    `event_bytes` is the size of the largest event.
    """
    return aiokafka.AIOKafkaProducer(
        **connection,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_request_size=max(1 << 20, event_bytes + _RECORD_BYTES),
    )


def _unavailable(seconds: float) -> HttpProblem:
    told = f"Kafka has not acknowledged within {seconds:g} s: send this again, under the same event ids"
    return later(503, "undelivered", told, 2)
