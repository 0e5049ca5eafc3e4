"""Follow the topics for the dashboard: one consumer without a group, in a thread with a loop of its own.

The thread keeps decoding away from the loop that answers requests. It reads committed records only.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import aiokafka
import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from gateway.dashboard.feeds.time_buckets import BUCKET_MS
from gateway.dashboard.feeds.topic_feed import STREAMS, TABLES, TopicFeed
from gateway.dashboard.feeds.worker_counters import WORKER_COUNTERS, Addresses, worker_counters
from gateway.http.kept_running import place
from models.durations import MINUTE_MS
from streams.config.topics import TopicNames

log = structlog.get_logger("pathcast.gateway")

#: Records of a partition that are read of the past at most, whatever time they span.
MOST_PAST: Final = 200_000
#: Records that are taken at once, so that a page waits for some milliseconds at most.
MOST_AT_ONCE: Final = 500
#: Seconds between two looks at the lag; between two looks for new partitions; after a failure.
LAG_SECONDS, LOOK_SECONDS, RETRY_SECONDS = 2.0, 60.0, 5.0
#: Records within this time are fetched together.
PAUSE_SECONDS: Final = 0.05


class TopicReader:
    """Fills a feed from the topics, beginning `minutes` before it starts."""

    def __init__(
        self,
        feed: TopicFeed,
        names: TopicNames,
        connection: Mapping[str, Any],
        group: str,
        minutes: float,
        workers: Addresses,
    ) -> None:
        self._feed, self._names, self._connection = feed, names, connection
        self._group, self._minutes, self._workers = group, minutes, workers
        self._halt = threading.Event()
        self._thread: threading.Thread | None = None
        self._ends: dict[Any, int] = {}
        #: Where reading goes on, also with another consumer.
        self._positions: dict[Any, int] = {}
        #: Partitions of whose past only the newest records are read, until their first record says its time.
        self._cut: set[Any] = set()

    def start(self) -> None:
        """Begin to read, if it does not already."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="dashboard's reader", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop reading, and wait for it for a while."""
        self._halt.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        asyncio.run(self._until_halted())

    async def _until_halted(self) -> None:
        while not self._halt.is_set():
            try:
                await self._follow()
            except (KafkaError, OSError) as error:
                self._feed.trouble = (
                    f"Kafka does not answer ({error}): check that the broker is up and that this machine "
                    "reaches it. Reading goes on by itself."
                )
                log.warning("the dashboard's reader cannot read", error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - the records at fault are passed over
                where = f"{type(error).__name__} at {place(error)}"
                self._feed.trouble = f"The reader has met a fault ({where}) and begins again: see the log."
                log.error("the dashboard's reader has met a fault, it begins again", reason=where)
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        consumer = aiokafka.AIOKafkaConsumer(
            **self._connection,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=MOST_AT_ONCE,
        )
        admin = AIOKafkaAdminClient(**self._connection)
        try:
            await consumer.start()
            await admin.start()
            await self._read(consumer, admin)
        finally:
            await consumer.stop()
            await admin.close()

    async def _read(self, consumer: Any, admin: Any) -> None:
        roles = await self._assigned(consumer, admin)
        looked = lagged = time.monotonic()
        self._feed.trouble = ""
        while not self._halt.is_set():
            await self._fetched(consumer, roles)
            now = time.monotonic()
            if now - lagged > LAG_SECONDS:
                lagged = now
                await self._look_at_lag(consumer, admin)
            if now - looked > LOOK_SECONDS:
                looked = now
                roles = await self._assigned(consumer, admin)

    async def _fetched(self, consumer: Any, roles: Mapping[str, str]) -> None:
        batches = await consumer.getmany(timeout_ms=200, max_records=MOST_AT_ONCE)
        now = _now_ms()
        for partition, records in batches.items():
            if partition in self._cut:
                self._cut.remove(partition)
                self._feed.since = max(self._feed.since, _next_bucket(records[0].timestamp))
            self._positions[partition] = records[-1].offset + 1
            self._feed.take(roles[partition.topic], now, records)
        if sum(map(len, batches.values())) < MOST_AT_ONCE:
            await asyncio.sleep(PAUSE_SECONDS)

    async def _assigned(self, consumer: Any, admin: Any) -> dict[str, str]:
        """Assign what exists, new partitions from their beginning on; returns the roles by topic."""
        topics = {getattr(self._names, role): role for role in (*STREAMS, *TABLES)}
        # All topics are asked for, because asking for one that is missing may create it.
        found = {one["topic"]: one["partitions"] for one in await admin.describe_topics()}
        parts = [
            aiokafka.TopicPartition(topic, number)
            for topic in topics
            for number in sorted(one["partition"] for one in found.get(topic, ()))
        ]
        self._feed.missing = tuple(topic for topic in topics if topic not in found)
        new = {part: topics[part.topic] for part in parts if part not in self._positions}
        if set(parts) != set(consumer.assignment()):
            consumer.assign(parts)
            await self._seek(consumer, new)
        return topics

    async def _seek(self, consumer: Any, new: Mapping[Any, str]) -> None:
        if new:
            await self._begin(consumer, new)
        for part in consumer.assignment():
            consumer.seek(part, self._positions[part])

    async def _begin(self, consumer: Any, new: Mapping[Any, str]) -> None:
        """Where to begin to read partitions: at a time, or at their beginning."""
        began = int(_now_ms() - self._minutes * MINUTE_MS) // BUCKET_MS * BUCKET_MS
        timed = [part for part, role in new.items() if role in STREAMS]
        ends, starts = await consumer.end_offsets([*new]), await consumer.beginning_offsets([*new])
        found = await consumer.offsets_for_times(dict.fromkeys(timed, began)) if timed else {}
        for part in new:
            wanted = starts[part] if part not in found else found[part].offset if found[part] else ends[part]
            first = max(wanted, ends[part] - MOST_PAST) if part in found else wanted
            if first > wanted:
                self._cut.add(part)
            self._positions[part] = first
        self._ends.update(ends)
        self._feed.since = self._feed.since or began

    async def _look_at_lag(self, consumer: Any, admin: Any) -> None:
        """Clicks that the workers' group has not committed, records not read yet, and workers' counters."""
        clicks = [part for part in consumer.assignment() if part.topic == self._names.clicks]
        ends = await consumer.end_offsets(clicks) if clicks else {}
        done = await admin.list_consumer_group_offsets(self._group)
        lag = {
            part.partition: max(0, ends[part] - max(0, done[part].offset)) for part in ends if part in done
        }
        behind = 0
        for part, end in self._ends.items():
            behind += max(0, end - await consumer.position(part))
        self._feed.lag, self._feed.behind = lag, behind
        self._feed.worker_counters = await worker_counters(await self._workers(), tuple(WORKER_COUNTERS))


def _next_bucket(at: int) -> int:
    return -(-at // BUCKET_MS) * BUCKET_MS


def _now_ms() -> int:
    return int(time.time() * 1000)
