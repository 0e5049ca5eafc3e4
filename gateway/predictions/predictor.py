"""Run events of one visitor through the workers' pipeline, over an empty state that is thrown away.

Calls that wait at the same time are scored together, on a thread of their own.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog

from gateway.answers.recent_answers import EventAnswers, event_of
from gateway.events.click_records import ClickRecord
from gateway.http.kept_running import KeptRunning
from gateway.http.parts import States
from streams.config.topics import ANSWERS, TopicNames
from streams.effects import Effects, Work
from streams.pipeline.processor import Pipeline

log = structlog.get_logger("pathcast.gateway")
#: Most calls that are scored together, and most that may wait.
TOGETHER, WAITING = 16, 256


class PredictionsBusy(Exception):
    """Too many calls wait already."""


class PathRecord(NamedTuple):
    """A record as a partition's consumer would give it; its own time is that of its arrival."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class Prediction(NamedTuple):
    """The answers to the last event, or a reason for each event that was not answered."""

    answers: EventAnswers | None
    refused: list[str]


class EmptyState:
    """The state of a partition that has never seen a visitor."""

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Nothing for any key."""
        return [None] * len(keys)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterable[tuple[bytes, bytes]]:
        """Nothing under any prefix."""
        return ()


class _Call(NamedTuple):
    records: list[PathRecord]
    last: str
    done: asyncio.Future[Prediction]


class Predictor:
    """`running` while it answers; `predict` from the event loop."""

    def __init__(self, pipeline: Pipeline, names: TopicNames) -> None:
        self._pipeline, self._names = pipeline, names
        self._calls: asyncio.Queue[_Call] = asyncio.Queue(WAITING)
        self._thread = ThreadPoolExecutor(1, "predict")
        self._kept = KeptRunning("predictions", self._serve)
        # A cache changes only when a chunk is committed, so these stay as they are.
        self._state = EmptyState()
        for number in range(TOGETHER):
            pipeline.opened(number, self._state)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer until left."""
        try:
            async with self._kept.running():
                yield
        finally:
            self._thread.shutdown(wait=False)

    def conditions(self) -> States:
        """For /readyz."""
        return {self._kept.name: self._kept.state()}

    async def predict(self, records: Sequence[ClickRecord]) -> Prediction:
        """The answers to the last event, whose path are the others.

        Raises PredictionsBusy, and ScoringError where the pipeline fails.
        """
        path = [PathRecord(offset, one.ts, one.key, one.value) for offset, one in enumerate(records)]
        done: asyncio.Future[Prediction] = asyncio.get_running_loop().create_future()
        try:
            self._calls.put_nowait(_Call(path, records[-1].event_id, done))
        except asyncio.QueueFull:
            raise PredictionsBusy from None
        return await done

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            calls = [await self._calls.get()]
            while len(calls) < TOGETHER and not self._calls.empty():
                calls.append(self._calls.get_nowait())
            try:
                found = await loop.run_in_executor(self._thread, self._process, calls)
            except Exception as error:  # noqa: BLE001 - the next calls must be answered all the same
                log.error("no prediction", reason=type(error).__name__)
                _fail(calls, error)
                continue
            for call, prediction in zip(calls, found, strict=True):
                if not call.done.done():
                    call.done.set_result(prediction)

    def _process(self, calls: Sequence[_Call]) -> list[Prediction]:
        """One pass over all calls, each as a partition of its own; nothing of it is committed."""
        now = time.monotonic()
        works = [Work(number, call.records, self._state, 0, now) for number, call in enumerate(calls)]
        effects = self._pipeline.process(works)
        return [self._told(call.last, one) for call, one in zip(calls, effects, strict=True)]

    def _told(self, last: str, effects: Effects) -> Prediction:
        letters = effects.outputs.get(self._names.dead_letters, ())
        refused = [dict(headers)["message"].decode() for *_, headers in letters]
        answers = EventAnswers(b"", 0.0)
        for role in ANSWERS:
            for _, value, _ in effects.outputs.get(getattr(self._names, role), ()):
                if value and event_of(value) == last:
                    answers.add(role, value)
        return Prediction(answers if answers.complete else None, refused)


def _fail(calls: Sequence[_Call], error: Exception) -> None:
    for call in calls:
        if not call.done.done():
            call.done.set_exception(error)
