"""Clicks at a rate, and what became of each of them."""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count, islice

import msgspec
import numpy as np
import psutil
from confluent_kafka import Producer
from numpy.typing import NDArray

from deploy.cluster.clients import consumer, drain, producer
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.e2e.worker import REPLAYED, ROLES, Worker, click, encoded, settle

VISITORS = 500
#: Clicks a second of the slow tests: what two idle cores carry, beside broker, trainer and three workers.
FULL_RATE = float(os.environ.get("PATHCAST_TEST_RATE", "2000"))
Pair = tuple[bytes, bytes]


class Answer(msgspec.Struct):
    """What is read of an answer."""

    event_id: str
    model_version: str = ""
    rung: str = ""
    purchase_probability: float = 0.0
    #: When the record was made (epoch ms).
    at: int = 0
    partition: int = 0


def made_up() -> Iterator[Pair]:
    """Clicks e0, e1, ... of 500 visitors, for ever."""
    return iter(pair for number in count() for pair in encoded([click(number, f"v{number % VISITORS}")]))


class Load(threading.Thread):
    """Sends clicks at a rate until told to stop, or until there are none; `sent` is how many."""

    def __init__(
        self, broker: Connection, topic: str, rate: float, pairs: Iterable[Pair] | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.topic, self.rate, self.sent = topic, rate, 0
        #: In the order of sending: a failed one is an error of the test, not of what is tested.
        self.failed: list[str] = []
        self._pairs = iter(pairs) if pairs is not None else made_up()
        # librdkafka takes a tenth of the time of a client in Python, which the workers need.
        settings = {"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 5, "acks": "all"}
        self._client = Producer({**settings, "partitioner": "murmur2_random", "enable.idempotence": True})
        self._over, self._since = threading.Event(), time.monotonic()

    def run(self) -> None:
        self._since = time.monotonic()
        while not self._over.is_set():
            due = int((time.monotonic() - self._since) * self.rate)
            pairs = list(islice(self._pairs, due - self.sent))
            if due > self.sent and not pairs:
                break
            for key, value in pairs:
                self._client.produce(self.topic, value, key, headers=REPLAYED, on_delivery=self._delivered)
            self.sent += len(pairs)
            self._client.poll(0.005)
        self._client.flush()

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self.failed.append(str(error))

    def wait(self, sent: int) -> None:
        """Return once so many are sent; fails where there are fewer."""
        while self.is_alive() and self.sent < sent:
            time.sleep(0.05)
        assert self.sent >= sent, f"the log ended after {self.sent} clicks, before {sent}"

    def stop(self) -> None:
        """No more; says how much was sent, and how fast."""
        self._over.set()
        self.join()
        spent = time.monotonic() - self._since
        print(f"\n{self.sent:,} clicks sent at {self.sent / spent:,.0f}/s, {self.rate:,.0f}/s wanted")
        assert not self.failed, self.failed[:3]


def told(broker: Connection, topic: str, value: bytes, key: bytes = b"default") -> None:
    with producer(broker) as client:
        client.send(topic, value, key).get(10)


def taken_up(workers: Sequence[Worker], version: str) -> None:
    """Wait until all answer with it."""
    for worker in workers:
        sample = f'pathcast_model_info{{version="{version}"}}'
        worker.wait(lambda w=worker, s=sample: s in w.metrics(), f"{version} was not taken up")


def dealt_with(workers: Sequence[Worker], wanted: int) -> None:
    """Wait until workers that share the topic's partitions have counted so many clicks, and no more."""

    def total() -> int:
        return sum(worker.total("pathcast_events_total", "pathcast_duplicates_total") for worker in workers)

    print(f"{wanted - total():,} clicks not yet answered")
    workers[0].wait(lambda: total() >= wanted, "clicks are missing", 600)
    assert total() == wanted


def answered_once(
    broker: Connection, names: TopicNames, sent: int | Collection[str], roles: Sequence[str] = ROLES
) -> list[Answer]:
    """The purchase intents, after a look at all answers by role; `sent` are event ids, or so many made up."""
    wanted = {f"e{number}" for number in range(sent)} if isinstance(sent, int) else set(sent)
    intents: list[Answer] = []
    for role in roles:
        found = list(answers(broker, getattr(names, role)))
        counted = Counter(one.event_id for one in found)
        assert not wanted - counted.keys(), f"{len(wanted - counted.keys())} unanswered in {role}"
        assert not [event for event, times in counted.items() if times > 1], f"doubled in {role}"
        intents = found if role == "purchase_intent" else intents
    return intents


def answers(broker: Connection, topic: str) -> Iterator[Answer]:
    """What is committed, partition by partition in order; memory does not grow with the records' sizes."""
    settle(broker, topic)
    decoder = msgspec.json.Decoder(Answer)
    with consumer(broker, max_poll_records=5_000) as client:
        for record in drain(client, topic):
            answer = decoder.decode(record.value)
            answer.at, answer.partition = record.timestamp, record.partition
            yield answer


def came(broker: Connection, topic: str) -> dict[str, int]:
    """When each click's record was made (epoch ms), by event id."""
    with consumer(broker, max_poll_records=5_000) as client:
        return {json.loads(record.value)["event_id"]: record.timestamp for record in drain(client, topic)}


def latencies(clicks: dict[str, int], intents: Iterable[Answer]) -> NDArray[np.int64]:
    """Milliseconds from a click's record to its answer's, by when the click came (epoch ms): [N, 2]."""
    return np.array(
        [(clicks[one.event_id], one.at - clicks[one.event_id]) for one in intents], dtype=np.int64
    )


def within(waits: NDArray[np.int64], since: float, until: float) -> NDArray[np.int64]:
    """Latencies of the clicks that came between two moments (epoch ms)."""
    return waits[(waits[:, 0] >= since) & (waits[:, 0] < until), 1]


def said(title: str, waits: NDArray[np.int64]) -> None:
    if len(waits):
        p50, p99 = np.quantile(waits, [0.5, 0.99])
        print(f"{title}: {len(waits):,} clicks, p50 {p50:.0f} ms, p99 {p99:.0f} ms")


def megabytes(*pids: int) -> list[int]:
    """What processes hold in memory."""
    return [psutil.Process(pid).memory_info().rss >> 20 for pid in pids]
