"""Clicks at a steady rate in the background, and when the answers to them came, partition by partition."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from tests.bench.clicks import Log, rows
from tests.bench.filling import producer
from tests.bench.ground import PARTITIONS, QUIET, BenchError
from tests.bench.working import Place

#: Seconds to wait for the last answers.
GRACE = 60.0
#: Sessions of the traffic: event ids that no other part has.
FIRST = 500_000_000


class Arrival(NamedTuple):
    """When (`time.perf_counter`) an answer was readable, and on which partition."""

    at: float
    partition: int


class Traffic:
    """What was sent, and the arrivals of the decisions so far."""

    def __init__(self) -> None:
        self.sent = 0
        self.arrivals: list[Arrival] = []
        self.failure = ""
        self.sending, self.reading = threading.Event(), threading.Event()

    def first_after(self, moment: float) -> dict[int, float]:
        """Seconds from `moment` to the first later answer, by partition; those without one are left out."""
        found: dict[int, float] = {}
        for at, partition in list(self.arrivals):
            if at > moment:
                found.setdefault(partition, at - moment)
        return found

    def drained(self) -> dict[str, int]:
        """Send no more and wait for what is to come: `clicks` and `answers`, which should be as many."""
        self.sending.set()
        ends = time.perf_counter() + GRACE
        while len(self.arrivals) < self.sent and time.perf_counter() < ends:
            time.sleep(0.05)
        return {"clicks": self.sent, "answers": len(self.arrivals)}

    def longest_gap(self, since: float) -> float:
        """The longest seconds without an answer on any of the partitions, from `since` until now."""
        last, longest = dict.fromkeys(range(PARTITIONS), since), 0.0
        for at, partition in list(self.arrivals):
            if at >= since:
                longest, last[partition] = max(longest, at - last[partition]), at
        return max(longest, time.perf_counter() - min(last.values()))


@contextmanager
def traffic(place: Place, log: Log, rate: int, seconds: float, visitors: int) -> Iterator[Traffic]:
    """`rate` clicks a second until the context ends, for `seconds` at most. Raises BenchError."""
    start = int(time.time() * 1000) - 600_000
    pairs = rows(log.stream(int(rate * seconds), rate, start, visitors, first=FIRST))
    found = Traffic()
    threads = [
        threading.Thread(target=_send, args=(place, pairs, rate, found), daemon=True),
        threading.Thread(target=_read, args=(_reader(place), found), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.sending.set()
        found.reading.set()
        for thread in threads:
            thread.join(30)
    if found.failure:
        raise BenchError(found.failure)


def _reader(place: Place) -> Consumer:
    settings = {"isolation.level": "read_committed", "fetch.wait.max.ms": 5, "enable.auto.commit": False}
    client = Consumer(
        {"bootstrap.servers": place.ground.bootstrap, "group.id": "traffic", **settings, **QUIET}
    )
    parts = [TopicPartition(place.names.ad_decisions, number) for number in range(PARTITIONS)]
    for part in parts:
        part.offset = client.get_watermark_offsets(part, 30, cached=False)[1]
    client.assign(parts)
    return client


def _read(client: Consumer, found: Traffic) -> None:
    while not found.reading.is_set():
        for message in client.consume(500, 0.02):
            if message.error():
                found.failure = str(message.error())
            else:
                found.arrivals.append(Arrival(time.perf_counter(), message.partition()))
    client.close()


def _send(place: Place, pairs: Sequence[tuple[bytes, bytes]], rate: int, found: Traffic) -> None:
    client, started = producer(place.ground.bootstrap, linger_ms=0), time.perf_counter()
    while found.sent < len(pairs) and not found.sending.is_set():
        due = min(len(pairs), int((time.perf_counter() - started) * rate))
        for key, value in pairs[found.sent : due]:
            client.produce(place.names.clicks, value, key)
        found.sent = max(found.sent, due)
        client.poll(0)
        time.sleep(0.005)
    client.flush(30)
