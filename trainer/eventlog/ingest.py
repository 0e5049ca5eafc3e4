"""From Kafka into the event log, each committed record exactly once.

The consumer group only shares partitions among processes. The manifest says where to continue, and a commit
creates the next manifest. So after a kill, a batch is either in the log or read again. The offsets of the
group serve lag monitors only.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from trainer.eventlog.buffer import Buffer, Filter
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_topics import Topics, explained
from trainer.eventlog.refused_rows import Watch
from trainer.eventlog.rows import Rows

log = structlog.get_logger("pathcast.eventlog")
Clock = Callable[[], int]


@dataclass(frozen=True)
class IngestBounds:
    """A batch is committed after this many rows or seconds; this bounds memory and what a kill repeats."""

    rows: int = 50_000
    seconds: float = 30.0
    poll_records: int = 4_000


@dataclass(frozen=True)
class Member:
    """A process in its consumer group.

    With an `instance` name, a restarted process gets its partitions back at once; without one, after the
    session timeout.
    """

    group: str
    instance: str | None = None
    session_timeout_ms: int = 10_000

    def options(self) -> dict[str, Any]:
        """Arguments of a kafka-python consumer."""
        named = {"group_instance_id": self.instance} if self.instance else {}
        return {"group_id": self.group, "session_timeout_ms": self.session_timeout_ms, **named}


class _Moves(ConsumerRebalanceListener):  # type: ignore[misc]
    """Records that partitions were assigned or revoked; the client's own thread calls it."""

    def __init__(self) -> None:
        self.happened = threading.Event()

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Rows that are not committed are read again by the next owner."""
        self.happened.set()

    def on_partitions_assigned(self, assigned: Any) -> None:
        """The next step seeks to the positions in the manifests."""
        self.happened.set()


class Ingest:
    """Writes the event log for the partitions that the consumer group assigns.

    `tables` make rows of each topic, by its name. `connection` are arguments of kafka-python, `now` is the
    clock (epoch ms). `keep` leaves out rows of forgotten visitors. `recreated` accepts topics other than
    those that the log knows. `watch` counts refused rows and raises the alarm.
    """

    def __init__(
        self,
        to: EventLog,
        tables: Mapping[str, Rows],
        connection: Mapping[str, Any],
        member: Member,
        now: Clock,
        keep: Filter = lambda frame: frame,
        recreated: bool = False,
        bounds: IngestBounds = IngestBounds(),
        watch: Watch | None = None,
    ) -> None:
        self.watch = watch or Watch()
        self._log, self._tables, self._now, self._keep = to, tables, now, keep
        self._connection, self._recreated, self._bounds = connection, recreated, bounds
        self._topics = Topics(connection, tables)
        self._topics.ids()
        self._buffers: dict[TopicPartition, Buffer] = {}
        self._moves = _Moves()
        self._flushed = now()
        with explained(connection):
            self._client = KafkaConsumer(
                **connection,
                **member.options(),
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                max_poll_records=bounds.poll_records,
            )
            self._client.subscribe(list(tables), listener=self._moves)

    def step(self, wait_ms: int = 500) -> int:
        """Read what there is, commit what is due; returns the number of rows read. Raises EventLogError."""
        with explained(self._connection):
            found = self._client.poll(timeout_ms=wait_ms)
        if self._moves.happened.is_set():
            self._take()
            return 0
        for part, records in found.items():
            self._buffers[part].add(records)
        if self._due():
            self.flush()
        return sum(map(len, found.values()))

    def _take(self) -> None:
        """Begin again with the assigned partitions; records fetched before are dropped."""
        self._moves.happened.clear()
        self._buffers.clear()
        parts = self._client.assignment()
        for part, source in self._topics.sources(self._client, parts).items() if parts else ():
            buffer = Buffer.open(
                self._log, self._tables[part.topic], part.partition, source, self._keep, self._recreated
            )
            if 0 < buffer.start < source.begin:
                log.warning(
                    "records lost: retention deleted them before they were in the event log",
                    topic=part.topic,
                    partition=part.partition,
                    records=source.begin - buffer.start,
                    offsets=f"{buffer.start} to {source.begin - 1}",
                )
            with explained(self._connection):
                self._client.seek(part, max(buffer.start, source.begin))
            self._buffers[part] = buffer

    def _due(self) -> bool:
        waited = self._now() - self._flushed >= 1000 * self._bounds.seconds
        return waited or self.rows >= self._bounds.rows

    @property
    def rows(self) -> int:
        """Rows that are read and not yet committed."""
        return sum(buffer.size for buffer in self._buffers.values())

    @property
    def assigned(self) -> bool:
        """Whether the group has assigned partitions to this process."""
        return bool(self._buffers)

    def flush(self) -> None:
        """Commit all rows. Raises EventLogError; rows that were not committed are read again."""
        self._flushed = self._now()
        full = {part: buffer for part, buffer in self._buffers.items() if buffer.size}
        if not full:
            return
        sources = self._topics.sources(self._client, full)
        for part, buffer in full.items():
            if sources[part].topic_id != buffer.source.topic_id:
                self._moves.happened.set()  # recreated while it was read: check it as at the start
                return
            files = buffer.commit(sources[part].begin, self._flushed)
            self.watch.take(self._tables[part.topic].table.name, files, self._flushed)
        self._tell({part: buffer.start for part, buffer in full.items()})

    def _tell(self, positions: Mapping[TopicPartition, int]) -> None:
        offsets = {part: OffsetAndMetadata(offset, "", -1) for part, offset in positions.items()}
        with suppress(KafkaError):  # only lag monitors need it
            self._client.commit_async(offsets)

    def behind(self) -> int:
        """Offsets of the assigned partitions that can be read but were not yet read."""
        with explained(self._connection):
            ends = self._client.end_offsets(list(self._buffers))
            return sum(max(0, end - self._client.position(part)) for part, end in ends.items())

    def close(self) -> None:
        """Leave the group; rows that were not committed are read again by the next owner."""
        self._client.close(autocommit=False)
        self._topics.close()
