"""From producing a click to all its answers being readable by somebody else's read_committed consumer."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from confluent_kafka import Consumer, TopicPartition

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


class Latency(NamedTuple):
    """Milliseconds until the last of a click's answers was readable, over `clicks` clicks."""

    p50_ms: float
    p99_ms: float
    clicks: int


class _Answer(msgspec.Struct):
    event_id: str


_decode = msgspec.json.Decoder(_Answer).decode


class Path(NamedTuple):
    """From the topic that clicks go to, to those that their answers come from; `name` reads whose one is."""

    bootstrap: str
    clicks: str
    answers: Sequence[str]
    name: Callable[[bytes], Hashable] = lambda value: _decode(value).event_id


class Reader(threading.Thread):
    """Notes when the answers to each click came."""

    def __init__(self, path: Path, expected: int) -> None:
        super().__init__(daemon=True)
        self.seen: dict[Hashable, list[float]] = {}
        self.done, self.failure = threading.Event(), ""
        self._name, self._left = path.name, expected * len(path.answers)
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
            messages = self._consumer.consume(500, 0.005)
            now = time.perf_counter()
            for message in messages:
                value = message.value()
                if message.error() or value is None:
                    self.failure = str(message.error())
                    continue
                self.seen.setdefault(self._name(value), []).append(now)
                self._left -= 1
        self._consumer.close()


def latency(place: Place, log: Log, sizes: Sizes, start: int) -> Latency:
    """The full job's at `sizes.rate` clicks/s. Raises BenchError if answers do not come."""
    stream = log.stream(_count(sizes), sizes.rate, start, sizes.visitors, first=SEATS)
    path = Path(place.ground.bootstrap, place.names.clicks, place.answers)
    return along(path, stream["event_id"].to_list(), rows(stream), sizes)


def bare(ground: Ground, sizes: Sizes) -> Latency:
    """The counting job's on the same transport: what is left when nothing is scored. Raises BenchError."""
    topic, count = "bare-clicks", _count(sizes)
    ground.create(topic)
    with contestant(ground, "pathcast", topic) as (output, running):
        fill(ground.bootstrap, topic, clicks(1))
        ground.steady(output, 1, running)
        path = Path(ground.bootstrap, topic, [output], lambda value: loads(value)["id"])
        return along(path, range(count), list(clicks(count)), sizes)


def _count(sizes: Sizes) -> int:
    return int(sizes.rate * (sizes.settling_seconds + sizes.latency_seconds))


def along(path: Path, ids: Sequence[Hashable], pairs: Sequence[tuple[bytes, bytes]], sizes: Sizes) -> Latency:
    """Clicks at `sizes.rate`, without those of the settling time. Raises BenchError without answers."""
    reader = Reader(path, len(ids))
    reader.start()
    sent = _send(path, pairs, sizes.rate)
    reader.join(GRACE)
    reader.done.set()
    answered = sum(map(len, reader.seen.values()))
    if answered != len(path.answers) * len(ids):
        found = f"{answered} answers to {len(ids)} clicks"
        raise BenchError(f"{found}, expected {len(path.answers)} each {reader.failure}")
    kept = range(int(sizes.settling_seconds * sizes.rate), len(ids))
    waits = np.array([max(reader.seen[ids[n]]) - sent[n] for n in kept]) * 1000
    return Latency(float(np.percentile(waits, 50)), float(np.percentile(waits, 99)), len(waits))


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
