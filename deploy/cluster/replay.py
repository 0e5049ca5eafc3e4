"""Send an event log to the topic `clicks` in real time, faster, or at a fixed rate."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from kafka.partitioner.default import murmur2
from numpy.typing import NDArray

from deploy.cluster.clients import admin, consumer, drain, flush, producer
from deploy.cluster.records import RecordBatch, RecordSource, batches, catalogue
from deploy.terminal.failures import telling
from models.errors import PathcastError
from streams.config.connection import Connection

ORIGINAL_TIME = "original-time"
#: Events due within this time (s) are sent together: a request costs the broker more than an event.
TICK_SECONDS = 0.02


class ReplayError(PathcastError):
    """The topic to replay to does not exist, or does not take the records."""


@dataclass(frozen=True)
class Pace:
    """When each event is due: `rate` events a second, or event time times `speed`; neither: at once."""

    rate: float | None = None
    speed: float | None = None

    def due(self, batch: RecordBatch, sent: int, first_ts: int) -> NDArray[np.float64] | None:
        """Seconds after the start at which each row of the batch is due; None: at once."""
        if self.rate:
            return np.arange(sent, sent + len(batch.ts)) / self.rate
        if self.speed:
            # Due times never decrease: a row that is out of order is due with the rows before it.
            return np.maximum.accumulate(np.maximum(batch.ts - first_ts, 0)) / (1000 * self.speed)
        return None


@dataclass
class ReplayReport:
    """The result of a replay: counts of events, and its duration in seconds."""

    items: int = 0
    sent: int = 0
    failed: int = 0
    out_of_order: int = 0
    seconds: float = 0.0
    failure: str = ""

    @property
    def rate(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0


class Sender:
    """Sends batches to one topic, keyed and partitioned as the Java client does (murmur2)."""

    def __init__(self, client: Any, topic: str, report: ReplayReport) -> None:
        self._client, self._topic, self._report = client, topic, report
        count = len(client.partitions_for(topic))
        # murmur2 in Python costs as much as sending, and a visitor has many events.
        self._partition = lru_cache(100_000)(lambda key: (murmur2(key) & 0x7FFFFFFF) % count)

    def send(self, batch: RecordBatch, row: int) -> None:
        key, ts = batch.keys[row], int(batch.ts[row])
        headers = [(ORIGINAL_TIME, str(ts).encode())] if ts >= 0 else []
        partition = None if key is None else self._partition(key)
        future = self._client.send(self._topic, batch.values[row], key, headers, partition)
        future.add_errback(self._failed)

    def _failed(self, error: Exception) -> None:
        self._report.failed += 1
        self._report.failure = f"{type(error).__name__}: {error}"


def check_topic(to: Connection, topic: str) -> None:
    """Raises ReplayError for a missing topic, because sending to it would wait until a timeout."""
    with admin(to) as client:
        if topic not in client.list_topics():
            raise ReplayError(f"there is no topic {topic!r}; run `pathcast topics`, or name another")


def replay(
    to: Connection,
    source: RecordSource,
    pace: Pace,
    topic: str,
    on_progress: Callable[[ReplayReport], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> ReplayReport:
    """Send the log; returns when all records are acknowledged, or soon after `stop` is set.

    `on_progress` gets the running report after each batch. Raises LogError, ReplayError, KafkaUnreachable.
    """
    check_topic(to, topic)
    report, halt, started = ReplayReport(), stop or threading.Event(), time.monotonic()
    with (
        telling(lambda: _so_far(report)),
        producer(to, linger_ms=5 if pace.rate or pace.speed else 20) as client,
    ):
        sender = Sender(client, topic, report)
        first_ts = last_ts = -1
        for batch in batches(source):
            first_ts = int(batch.ts[0]) if first_ts < 0 else first_ts
            report.out_of_order += int(np.sum(np.diff(batch.ts, prepend=last_ts) < 0))
            last_ts = int(batch.ts[-1])
            _send_when_due(sender, batch, pace.due(batch, report.sent, first_ts), started, halt, report)
            report.seconds = time.monotonic() - started
            on_progress(report)
            if halt.is_set():
                break
        flush(client)
    report.seconds = time.monotonic() - started
    return report


def _so_far(report: ReplayReport) -> str:
    return (
        f"{report.sent:,} events were sent before, {report.failed:,} of them not accepted. Repeat the "
        "command: an event is answered once while its visitor's last ids are known"
    )


def _send_when_due(
    sender: Sender,
    batch: RecordBatch,
    due: NDArray[np.float64] | None,
    started: float,
    halt: threading.Event,
    report: ReplayReport,
) -> None:
    for row in range(len(batch.values)):
        wait = due[row] + started - time.monotonic() if due is not None else 0.0
        if halt.wait(max(wait, TICK_SECONDS)) if wait > 0 else halt.is_set():
            return
        sender.send(batch, row)
        report.sent += 1


class PublishedItems(NamedTuple):
    """How many items were sent, and how many were left as the catalogue has them."""

    sent: int
    kept: int


def publish_items(
    to: Connection, source: RecordSource, items: Path | None, topic: str, replace: bool = False
) -> PublishedItems:
    """Publish the catalogue of a file, or of the log itself, to the compacted `topic`.

    What a log says of its items never takes the place of what the catalogue says, also where it says that an
    item is gone: stock and status are not in a log. With `replace` it does. Raises LogError,
    KafkaUnreachable, and ReplayError where Kafka does not accept an item.
    """
    batch, report = catalogue(source, items), ReplayReport()
    known = frozenset[bytes | None]() if items or replace else _described(to, topic)
    rows = [row for row, key in enumerate(batch.keys) if key not in known]
    with producer(to) as client:
        sender = Sender(client, topic, report)
        for row in rows:
            sender.send(batch, row)
    if report.failed:
        raise ReplayError(
            f"Kafka did not accept {report.failed:,} of {len(rows):,} items on {topic} "
            f"({report.failure}): give this user the right to write it, or make the items smaller than its "
            "max.message.bytes; then repeat the command: items that are there are only written again"
        )
    return PublishedItems(len(rows), len(batch.keys) - len(rows))


def _described(to: Connection, topic: str) -> frozenset[bytes | None]:
    """Keys of all items that the topic has a record of, removals among them."""
    with consumer(to, max_poll_records=5_000) as client:
        return frozenset(record.key for record in drain(client, topic))
