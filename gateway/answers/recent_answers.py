"""Answers by event, for a short time and within bounded memory, and those who wait for them."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from gateway.http.gateway_metrics import GatewayMetrics

#: What an entry takes beside its texts, about.
_OVERHEAD_BYTES = 600


class RoledAnswer(NamedTuple):
    """An answer in the clear; `role` is its topic's field in the topic names, `key` the record's."""

    role: str
    key: bytes
    value: bytes


class _Told(msgspec.Struct, gc=False):
    event_id: str


class EventAnswers(msgspec.Struct, gc=False):
    """The answers to one event so far, as JSON; of decisions one for each placement."""

    key: bytes
    since: float
    purchase_intent: bytes = b""
    recommendations: bytes = b""
    ad_decisions: list[bytes] = []
    size: int = _OVERHEAD_BYTES

    @property
    def complete(self) -> bool:
        """Whether all three have come. Those of further placements come in the same transaction."""
        return bool(self.purchase_intent and self.recommendations and self.ad_decisions)

    def add(self, role: str, value: bytes) -> None:
        """Take an answer."""
        if role == "ad_decisions":
            self.ad_decisions.append(value)
        else:
            setattr(self, role, value)
        self.size += len(value)

    def told(self) -> bytes:
        """The JSON object of all that has come."""
        pairs = [
            (b"purchase_intent", self.purchase_intent),
            (b"recommendations", self.recommendations),
            (b"ad_decisions", b"[" + b",".join(self.ad_decisions) + b"]" if self.ad_decisions else b""),
        ]
        return b"{" + b",".join(b'"' + name + b'":' + value for name, value in pairs if value) + b"}"


_decode = msgspec.json.Decoder(_Told).decode


def event_of(value: bytes) -> str | None:
    """The event that an answer is to; None for what is no answer of a worker."""
    try:
        return _decode(value).event_id
    except (ValueError, RecursionError):
        return None


class RecentAnswers:
    """Keeps the latest answers of all events within `most_bytes`, each for `seconds`."""

    def __init__(
        self,
        most_bytes: int,
        seconds: float,
        metrics: GatewayMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._metrics, self._clock = most_bytes, seconds, metrics, clock
        self._entries: OrderedDict[str, EventAnswers] = OrderedDict()
        self._bytes = 0
        self._waiters: dict[str, list[asyncio.Future[EventAnswers]]] = {}

    def take(self, answers: Sequence[RoledAnswer]) -> None:
        """Keep the answers of one fetch; then tell those who wait, so that all placements are there."""
        now, complete = self._clock(), dict[str, EventAnswers]()
        for answer in answers:
            event_id = event_of(answer.value)
            if event_id is None:
                continue
            entry = self._entries.get(event_id)
            if entry is None:
                entry = self._entries[event_id] = EventAnswers(answer.key, now)
                self._bytes += entry.size
            before = entry.size
            entry.add(answer.role, answer.value)
            self._bytes += entry.size - before
            if entry.complete:
                complete[event_id] = entry
        for event_id, entry in complete.items():
            self._tell(event_id, entry)
        self.tidy()

    def _tell(self, event_id: str, entry: EventAnswers) -> None:
        for waiter in self._waiters.pop(event_id, ()):
            if not waiter.done():
                waiter.set_result(entry)

    def tidy(self) -> None:
        """Drop what is too old or too much, the oldest first."""
        now = self._clock()
        while self._entries:
            event_id, entry = next(iter(self._entries.items()))
            if self._bytes <= self._most and now - entry.since <= self._seconds:
                break
            del self._entries[event_id]
            self._bytes -= entry.size
        self._metrics.kept.set(len(self._entries))

    def forget(self, key: bytes) -> None:
        """Drop all answers of a visitor."""
        for event_id in [one for one, entry in self._entries.items() if entry.key == key]:
            self._bytes -= self._entries.pop(event_id).size

    def of(self, event_id: str, key: bytes | None) -> EventAnswers | None:
        """What has come for an event; with `key` only where the answers are that visitor's."""
        entry = self._entries.get(event_id)
        if entry is None or (key is not None and entry.key != key):
            return None
        return entry

    async def wait(self, event_ids: Sequence[str], key: dict[str, bytes], seconds: float) -> None:
        """Return when all events have their answers, or after some seconds."""
        missing = [one for one in event_ids if not _whole(self.of(one, key.get(one)))]
        waiters = [self._waiter(one) for one in missing]
        try:
            if waiters:
                await asyncio.wait(waiters, timeout=seconds)
        finally:
            for event_id, waiter in zip(missing, waiters, strict=True):
                self._leave(event_id, waiter)

    def _waiter(self, event_id: str) -> asyncio.Future[EventAnswers]:
        waiter: asyncio.Future[EventAnswers] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(event_id, []).append(waiter)
        return waiter

    def _leave(self, event_id: str, waiter: asyncio.Future[EventAnswers]) -> None:
        waiting = self._waiters.get(event_id)
        if waiting and waiter in waiting:
            waiting.remove(waiter)
            if not waiting:
                del self._waiters[event_id]


def _whole(entry: EventAnswers | None) -> bool:
    return entry is not None and entry.complete
