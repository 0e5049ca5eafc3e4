"""From producing a click to its three answers being readable by somebody else's read_committed consumer."""

import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from confluent_kafka import Consumer, TopicPartition

from tests.bench.clicks import Log, rows
from tests.bench.filling import producer
from tests.bench.ground import PARTITIONS, QUIET, BenchError
from tests.bench.sizes import Sizes
from tests.bench.working import Place

#: Sessions from here on have not been seated before: their event ids are new.
SEATS = 10_000_000
#: Seconds to wait for the answers to the last clicks.
GRACE = 20.0


class Latency(NamedTuple):
    """Milliseconds until the last of a click's three answers was readable, over `clicks` clicks."""

    p50_ms: float
    p99_ms: float
    clicks: int


class _Answer(msgspec.Struct):
    event_id: str


class Reader(threading.Thread):
    """Notes when the answers to each click came."""

    def __init__(self, bootstrap: str, topics: Sequence[str], expected: int) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, list[float]] = {}
        self.done, self.failure = threading.Event(), ""
        self._left = expected * len(topics)
        wait = {"isolation.level": "read_committed", "fetch.wait.max.ms": 5, "enable.auto.commit": False}
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", **wait, **QUIET})
        parts = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        for part in parts:
            part.offset = self._consumer.get_watermark_offsets(part, 30, cached=False)[1]
        self._consumer.assign(parts)

    def run(self) -> None:
        """Until all is read."""
        decode = msgspec.json.Decoder(_Answer).decode
        while self._left > 0 and not self.done.is_set():
            messages = self._consumer.consume(500, 0.005)
            now = time.perf_counter()
            for message in messages:
                value = message.value()
                if message.error() or value is None:
                    self.failure = str(message.error())
                    continue
                self.seen.setdefault(decode(value).event_id, []).append(now)
                self._left -= 1
        self._consumer.close()


def latency(place: Place, log: Log, sizes: Sizes, start: int) -> Latency:
    """At `sizes.rate` clicks/s, without the settling time. Raises BenchError if answers do not come."""
    seconds = sizes.settling_seconds + sizes.latency_seconds
    count = int(sizes.rate * seconds)
    stream = log.stream(count, sizes.rate, start, sizes.visitors, first=SEATS)
    ids, pairs = stream["event_id"].to_list(), rows(stream)
    reader = Reader(place.ground.bootstrap, place.answers, len(ids))
    reader.start()
    sent = _send(place, pairs, sizes.rate)
    reader.join(GRACE)
    reader.done.set()
    answered = sum(map(len, reader.seen.values()))
    if answered != 3 * len(ids):
        raise BenchError(f"{answered} answers to {len(ids)} clicks, expected three each {reader.failure}")
    kept = range(int(sizes.settling_seconds * sizes.rate), len(ids))
    waits = np.array([max(reader.seen[ids[n]]) - sent[n] for n in kept]) * 1000
    return Latency(float(np.percentile(waits, 50)), float(np.percentile(waits, 99)), len(waits))


def _send(place: Place, pairs: Sequence[tuple[bytes, bytes]], rate: int) -> list[float]:
    """Send each click when it is due; when each was handed to the client."""
    client = producer(place.ground.bootstrap, linger_ms=0)
    sent: list[float] = []
    started = time.perf_counter()
    while len(sent) < len(pairs):
        due = min(len(pairs), int((time.perf_counter() - started) * rate))
        for key, value in pairs[len(sent) : due]:
            sent.append(time.perf_counter())
            client.produce(place.names.clicks, value, key)
        client.poll(0)
        time.sleep(0.001)
    client.flush(GRACE)
    return sent
