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
#: An event's id and its visitor's key.
_Place = tuple[str, bytes]


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
    """Keeps the latest answers of all events within `most_bytes`, each for `seconds`.

    An entry is of an event of a visitor: whoever sends another visitor's event id again gets no part of it.
    """

    def __init__(
        self,
        most_bytes: int,
        seconds: float,
        metrics: GatewayMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._metrics, self._clock = most_bytes, seconds, metrics, clock
        self._entries: OrderedDict[_Place, EventAnswers] = OrderedDict()
        #: Visitors by event: one, but for ids that several visitors have sent.
        self._visitors: dict[str, list[bytes]] = {}
        self._bytes = 0
        self._waiters: dict[_Place, list[asyncio.Future[EventAnswers]]] = {}

    def take(self, answers: Sequence[RoledAnswer]) -> None:
        """Keep the answers of one fetch; then tell those who wait, so that all placements are there."""
        now, complete = self._clock(), dict[_Place, EventAnswers]()
        for answer in answers:
            event_id = event_of(answer.value)
            if event_id is None:
                continue
            place = event_id, answer.key
            entry = self._entries.get(place) or self._begin(place, now)
            before = entry.size
            entry.add(answer.role, answer.value)
            self._bytes += entry.size - before
            if entry.complete:
                complete[place] = entry
        for place, entry in complete.items():
            self._tell(place, entry)
        self.tidy()

    def _begin(self, place: _Place, now: float) -> EventAnswers:
        entry = self._entries[place] = EventAnswers(place[1], now)
        self._visitors.setdefault(place[0], []).append(place[1])
        self._bytes += entry.size
        return entry

    def _tell(self, place: _Place, entry: EventAnswers) -> None:
        for waiter in self._waiters.pop(place, ()):
            if not waiter.done():
                waiter.set_result(entry)

    def tidy(self) -> None:
        """Drop what is too old or too much, the oldest first."""
        now = self._clock()
        while self._entries:
            place, entry = next(iter(self._entries.items()))
            if self._bytes <= self._most and now - entry.since <= self._seconds:
                break
            self._drop(place)
        self._metrics.kept.set(len(self._entries))

    def _drop(self, place: _Place) -> None:
        self._bytes -= self._entries.pop(place).size
        visitors = self._visitors[place[0]]
        visitors.remove(place[1])
        if not visitors:
            del self._visitors[place[0]]

    def forget(self, key: bytes) -> None:
        """Drop all answers of a visitor."""
        for place in [one for one in self._entries if one[1] == key]:
            self._drop(place)

    def of(self, event_id: str, key: bytes | None) -> EventAnswers | None:
        """What has come for a visitor's event; without `key` only where one visitor alone has sent the id."""
        if key is None:
            visitors = self._visitors.get(event_id, ())
            key = visitors[0] if len(visitors) == 1 else b""
        entry = self._entries.get((event_id, key))
        return None if entry is None or self._clock() - entry.since > self._seconds else entry

    async def wait(self, event_ids: Sequence[str], key: dict[str, bytes], seconds: float) -> None:
        """Return when all events have their answers, or after some seconds."""
        missing = [(one, key[one]) for one in event_ids if not _whole(self.of(one, key[one]))]
        waiters = [self._waiter(one) for one in missing]
        try:
            if waiters:
                await asyncio.wait(waiters, timeout=seconds)
        finally:
            for place, waiter in zip(missing, waiters, strict=True):
                self._leave(place, waiter)

    def _waiter(self, place: _Place) -> asyncio.Future[EventAnswers]:
        waiter: asyncio.Future[EventAnswers] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(place, []).append(waiter)
        return waiter

    def _leave(self, place: _Place, waiter: asyncio.Future[EventAnswers]) -> None:
        waiting = self._waiters.get(place)
        if waiting and waiter in waiting:
            waiting.remove(waiter)
            if not waiting:
                del self._waiters[place]


def _whole(entry: EventAnswers | None) -> bool:
    return entry is not None and entry.complete
