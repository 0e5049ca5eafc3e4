"""From producing a click to all its answers being readable by somebody else's read_committed consumer."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from confluent_kafka import Consumer, Message, TopicPartition

from tests.bench.clicks import Log, rows
from tests.bench.counting import contestant
from tests.bench.filling import fill, producer
from tests.bench.ground import PARTITIONS, QUIET, BenchError, Ground
from tests.bench.jobs.counting import clicks, loads
from tests.bench.sizes import Sizes
from tests.bench.working import Place

#: Sessions from here on have not been seated before: their event ids are new.
SEATS = 10_000_000
#: Seconds to wait for the answers to the last clicks.
GRACE = 20.0
#: Most seconds of measuring at low rates, where `Sizes.latency_clicks` take long.
MOST_SECONDS = 80.0


class Latency(NamedTuple):
    """Milliseconds until the last of a click's answers was readable, over `clicks` clicks at `rate` a second.

    `to_scored_ms` and `to_readable_ms` are medians of its two parts, where answers say when they were scored:
    from the producer to the score, and from there to the reader. The worker's clock has whole milliseconds.
    """

    rate: int
    p50_ms: float
    p99_ms: float
    clicks: int
    to_scored_ms: float | None = None
    to_readable_ms: float | None = None


class _Answer(msgspec.Struct):
    event_id: str
    scored_at: int


_decode = msgspec.json.Decoder(_Answer).decode


def _named(value: bytes) -> tuple[Hashable, int]:
    answer = _decode(value)
    return answer.event_id, answer.scored_at


class Path(NamedTuple):
    """From the topic that clicks go to, to those that their answers come from.

    `read` gives the click that an answer is to, and when it was scored (epoch ms; 0: it does not say).
    """

    bootstrap: str
    clicks: str
    answers: Sequence[str]
    read: Callable[[bytes], tuple[Hashable, int]] = _named


class Reader(threading.Thread):
    """Notes when the answers to each click came."""

    def __init__(self, path: Path, expected: int) -> None:
        super().__init__(daemon=True)
        self.seen: dict[Hashable, list[float]] = {}
        self.scored: dict[Hashable, int] = {}
        self.done, self.failure = threading.Event(), ""
        self._read, self._left = path.read, expected * len(path.answers)
        wait = {"isolation.level": "read_committed", "fetch.wait.max.ms": 5, "enable.auto.commit": False}
        self._consumer = Consumer(
            {"bootstrap.servers": path.bootstrap, "group.id": "reader", **wait, **QUIET}
        )
        parts = [TopicPartition(topic, number) for topic in path.answers for number in range(PARTITIONS)]
        for part in parts:
            part.offset = self._consumer.get_watermark_offsets(part, 30, cached=False)[1]
        self._consumer.assign(parts)

    def run(self) -> None:
        """Until all is read."""
        while self._left > 0 and not self.done.is_set():
            # `consume` alone would wait for all of its messages, or until its time is over.
            first = self._consumer.poll(0.05)
            now = time.perf_counter()
            if first is not None:
                self._note([first, *self._consumer.consume(500, 0)], now)
        self._consumer.close()

    def _note(self, messages: Sequence[Message], now: float) -> None:
        for message in messages:
            value = message.value()
            if message.error() or value is None:
                self.failure = str(message.error())
                continue
            click, scored_at = self._read(value)
            self.seen.setdefault(click, []).append(now)
            self.scored[click] = scored_at
            self._left -= 1


def latency(place: Place, log: Log, sizes: Sizes, rate: int, start: int) -> tuple[Latency, int]:
    """The full job's at `rate` clicks/s of event times from `start` (ms) on, and the time after the last one.

    Raises BenchError if answers do not come.
    """
    stream = log.stream(_count(sizes, rate), rate, start, sizes.visitors, first=SEATS * (1 + rate))
    path = Path(place.ground.bootstrap, place.names.clicks, place.answers)
    found = along(path, stream["event_id"].to_list(), rows(stream), rate, sizes.settling_seconds)
    return found, int(stream["ts"][-1]) + 1


def bare(ground: Ground, sizes: Sizes) -> Latency:
    """The counting job's on the same transport: what is left when nothing is scored. Raises BenchError."""
    topic, count = "bare-clicks", _count(sizes, sizes.rate)
    ground.create(topic)
    with contestant(ground, "pathcast", topic) as (output, running):
        fill(ground.bootstrap, topic, clicks(1))
        ground.steady(output, 1, running)
        path = Path(ground.bootstrap, topic, [output], lambda value: (loads(value)["id"], 0))
        return along(path, range(count), list(clicks(count)), sizes.rate, sizes.settling_seconds)


def _count(sizes: Sizes, rate: int) -> int:
    seconds = max(sizes.latency_seconds, min(sizes.latency_clicks / rate, MOST_SECONDS))
    return int(rate * (sizes.settling_seconds + seconds))


def along(
    path: Path, ids: Sequence[Hashable], pairs: Sequence[tuple[bytes, bytes]], rate: int, settling: float
) -> Latency:
    """Clicks at `rate`, without those of the settling time (s). Raises BenchError without answers."""
    reader = Reader(path, len(ids))
    reader.start()
    epoch = time.time() - time.perf_counter()
    sent = _send(path, pairs, rate)
    reader.join(GRACE)
    reader.done.set()
    answered = sum(map(len, reader.seen.values()))
    if answered != len(path.answers) * len(ids):
        found = f"{answered} answers to {len(ids)} clicks at {rate} a second"
        raise BenchError(f"{found}, expected {len(path.answers)} each {reader.failure}")
    kept = range(int(settling * rate), len(ids))
    begun = np.array([sent[n] for n in kept])
    read = np.array([max(reader.seen[ids[n]]) for n in kept])
    scored = np.array([reader.scored[ids[n]] for n in kept]) / 1000 - epoch
    p50, p99 = np.percentile(read - begun, (50, 99)) * 1000
    if not reader.scored[ids[-1]]:
        return Latency(rate, float(p50), float(p99), len(kept))
    parts = (1000 * float(np.median(part)) for part in (scored - begun, read - scored))
    return Latency(rate, float(p50), float(p99), len(kept), *parts)


def _send(path: Path, pairs: Sequence[tuple[bytes, bytes]], rate: int) -> list[float]:
    """Send each click when it is due; when each was handed to the client."""
    client = producer(path.bootstrap, linger_ms=0)
    sent: list[float] = []
    started = time.perf_counter()
    while len(sent) < len(pairs):
        due = min(len(pairs), int((time.perf_counter() - started) * rate))
        for key, value in pairs[len(sent) : due]:
            sent.append(time.perf_counter())
            client.produce(path.clicks, value, key)
        client.poll(0)
        time.sleep(0.001)
    client.flush(GRACE)
    return sent
