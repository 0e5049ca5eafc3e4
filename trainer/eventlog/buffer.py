"""The rows of one partition between two commits: read from Kafka, not yet in a file."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl
from msgspec.structs import replace

from trainer.eventlog.log import EventLog
from trainer.eventlog.manifest import DataFile, History, Manifest
from trainer.eventlog.place import EventLogError
from trainer.eventlog.rows import LoggedRecord, Rows

#: Records that are made rows at once: few enough to be small, many enough to be fast.
_PENDING = 2_000
#: Leaves out rows that must not be written.
Filter = Callable[[pl.DataFrame], pl.DataFrame]


class Overtaken(EventLogError):
    """Another process has written these offsets: it owns the partition now."""


class _ForgottenRows(Exception):
    """A visitor was forgotten after their rows were written to files, but before the commit."""


class TopicSource(NamedTuple):
    """A partition of a topic as it is now: the topic's id, its first offset and its next one."""

    topic: str
    topic_id: str
    begin: int
    end: int


class RowBatch(NamedTuple):
    """What one commit adds: files, the number of rows read for them, and the next offset."""

    files: list[DataFile]
    rows: int
    end: int
    gap: tuple[int, int] | None


@dataclass
class Buffer:
    """Rows from offset `start` on; `seen` are topic id and next offset of the manifest that they follow."""

    log: EventLog
    history: History
    rows: Rows
    source: TopicSource
    keep: Filter
    seen: tuple[str, int] | None
    start: int
    size: int = 0
    _pending: list[LoggedRecord] = field(default_factory=list)
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _first: int | None = None

    @classmethod
    def open(
        cls, log: EventLog, rows: Rows, number: int, source: TopicSource, keep: Filter, anew: bool
    ) -> "Buffer":
        """Begin where the manifest ends; `anew` accepts a topic that was recreated or truncated.

        Raises EventLogError if the manifest does not fit the topic.
        """
        history = log.history(rows.table.name, number)
        found = history.latest()
        if found is None:
            return cls(log, history, rows, source, keep, None, source.begin)
        seen = found.topic_id, found.next
        if _fits(found, source):
            return cls(log, history, rows, source, keep, seen, found.next)
        if anew:
            return cls(log, history, rows, source, keep, seen, source.begin)
        raise EventLogError(_misfit(found, source))

    def add(self, records: Sequence[LoggedRecord]) -> None:
        """Take records in the order of their offsets; those before `start` were written earlier and are
        skipped.
        """
        fresh = [record for record in records if record.offset >= self.start]
        if fresh and self._first is None:
            self._first = fresh[0].offset
        self._pending += fresh
        self.size += len(fresh)
        if len(self._pending) >= _PENDING:
            self._read()

    def _read(self) -> None:
        if self._pending:
            self._frames.append(self.rows.frame(self._pending))
            self._pending = []

    def commit(self, begin: int, now: int) -> list[DataFile]:
        """Write all rows to files, then commit the manifest that names them; returns these files.

        `begin` is the topic's present first offset. Raises Overtaken or EventLogError.
        """
        self._read()
        if not self._frames:
            return []
        rows = pl.concat(self._frames)
        done = None
        while done is None:
            with suppress(_ForgottenRows):
                done = self._commit(rows, begin, now)
        made, files = done
        self.seen, self.start = (made.topic_id, made.next), made.next
        self._frames, self._first, self.size = [], None, 0
        return files

    def _commit(self, rows: pl.DataFrame, begin: int, now: int) -> tuple[Manifest, list[DataFile]]:
        kept = self.keep(rows)
        files = self.log.write(self.rows.table.name, self.history.partition, kept, now) if len(kept) else []
        batch = RowBatch(files, len(rows), int(rows["_offset"][-1]) + 1, self._gap(begin))

        def change(found: Manifest | None) -> Manifest:
            made = self._after(batch, found)
            if len(self.keep(kept)) < len(kept):
                raise _ForgottenRows
            return made

        return self.history.commit(change), files

    def _gap(self, begin: int) -> tuple[int, int] | None:
        """Offsets that the topic dropped before they were read."""
        lost = self._first is not None and self.start < begin <= self._first
        return (self.start, begin) if lost else None

    def _after(self, batch: RowBatch, found: Manifest | None) -> Manifest:
        """The manifest with the batch added. Raises Overtaken if it is not the one that was seen."""
        now = (found.topic_id, found.next) if found else None
        if now != self.seen:
            raise Overtaken(
                f"{self.rows.table.name}[{self.history.partition}] is at {now}, expected {self.seen}: "
                "another process writes this event log with another consumer group; let one of them do it"
            )
        missing = [file.name for file in batch.files if not self.log.place.exists(file.name)]
        if missing:
            raise EventLogError(f"{missing[0]} vanished before it was committed: start again")
        return _with(found or self._empty(), self.source, batch)

    def _empty(self) -> Manifest:
        source, table = self.source, self.rows.table.name
        return Manifest(
            table=table,
            partition=self.history.partition,
            topic=source.topic,
            topic_id=source.topic_id,
            next=self.start,
        )


def _with(base: Manifest, source: TopicSource, batch: RowBatch) -> Manifest:
    written = sum(file.rows for file in batch.files)
    return replace(
        base,
        topic=source.topic,
        topic_id=source.topic_id,
        next=batch.end,
        files=(*base.files, *batch.files),
        rows=base.rows + batch.rows,
        erased=base.erased + batch.rows - written,
        gaps=(*base.gaps, batch.gap) if batch.gap else base.gaps,
    )


def _fits(found: Manifest, source: TopicSource) -> bool:
    return found.topic_id == source.topic_id and found.next <= source.end


def _misfit(found: Manifest, source: TopicSource) -> str:
    return (
        f"the event log has {found.table}[{found.partition}] up to offset {found.next} of the topic "
        f"{found.topic} with id {found.topic_id}; {source.topic} has id {source.topic_id} and ends at "
        f"{source.end}: it was recreated or truncated. To go on with what it holds now: pathcast log ingest "
        "--allow-recreated"
    )
