"""Repair: refused rows are read again with this program, from their original bytes in the log.

A file is replaced as in compaction, by committing the next manifest. After a kill, either the old file or the
new one counts; the repair can be repeated and does the rest.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import polars as pl
from msgspec.structs import replace

from trainer.eventlog.buffer import Filter
from trainer.eventlog.compact import Changed, exchanged
from trainer.eventlog.log import EventLog, refused_in
from trainer.eventlog.manifest import DataFile, History, Manifest
from trainer.eventlog.place import EventLogError
from trainer.eventlog.rows import ERASED, LoggedRecord, Rows

#: Most rows that are read at once.
_AT_ONCE = 2_000
#: Reason why a row cannot be read again: with pseudonyms, the bytes of clicks are not kept.
NO_BYTES = "no bytes kept"
_PLACE = "_place"


class Repaired(NamedTuple):
    """The refused rows of one partition.

    `read` were read again, `mended` of them are no longer refused, `erased` ones had no key any more or
    belong to a forgotten visitor. `refused` are those that stay refused, by reason; NO_BYTES are not among
    those read. `damaged` has a sentence for each file that is missing or has other bytes than were written;
    its rows are not counted.
    """

    table: str
    partition: int
    read: int
    mended: int
    erased: int
    refused: Mapping[str, int]
    damaged: Sequence[str] = ()


@dataclass(slots=True)
class _Record:
    """A row as the record that it came from."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def repair(log: EventLog, tables: Mapping[str, Rows], keep: Filter, now: int) -> Iterator[Repaired]:
    """Read all refused rows again as of `now` (epoch ms): one result for each partition that has any.

    `tables` make rows of each table, by its name. `keep` leaves out rows of forgotten visitors, and those
    whose key is gone. A damaged file stays as it is and is reported; the others are repaired. Raises
    EventLogError, also for sealed rows without a key file; calling it again does the rest.
    """
    for history in log.histories():
        found = _Repair(log, history, tables[history.table], keep, now).run()
        if found.read or found.refused or found.damaged:
            yield found


class _Repair:
    def __init__(self, log: EventLog, history: History, rows: Rows, keep: Filter, now: int) -> None:
        self._log, self._history, self._rows, self._keep, self._now = log, history, rows, keep, now
        self._done: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._damaged: list[str] = []

    def run(self) -> Repaired:
        """Repair file by file, whatever other processes do to the files meanwhile."""
        while (file := self._next()) is not None:
            try:
                self._file(file)
            except Changed:
                continue
        return Repaired(
            table=self._history.table,
            partition=self._history.partition,
            read=self._counts["read"],
            mended=self._counts["mended"],
            erased=self._counts["erased"],
            refused=dict(+self._refused),
            damaged=tuple(self._damaged),
        )

    def _next(self) -> DataFile | None:
        found = self._history.latest()
        left = [file for file in found.files if file.name not in self._done] if found else []
        return next((file for file in left if file.refused is None or file.refused), None)

    def _file(self, file: DataFile) -> None:
        """Raises Changed if the manifest no longer names the file."""
        read = self._read(file)
        if read is None:
            return
        whole = read.with_row_index(_PLACE)
        refused, has_bytes = pl.col("_refused").is_not_null(), pl.col("_bytes").is_not_null()
        again = _again(self._rows, whole.filter(refused, has_bytes))
        # A row that stays refused stays as it is.
        changed = again.filter(pl.col("_refused").is_null() | (pl.col("_refused") == ERASED))
        mended = self._keep(changed)
        if len(changed):
            others = whole.join(changed, on=_PLACE, how="anti")
            rows = pl.concat([others, mended], how="diagonal").sort(_PLACE).drop(_PLACE)
            self._exchange(file, rows, mended, len(changed) - len(mended))
        self._done.add(file.name)
        self._counts.update(read=len(again), mended=len(mended), erased=len(changed) - len(mended))
        self._refused.update(refused_in(again.join(changed, on=_PLACE, how="anti")))
        self._refused.update({NO_BYTES: len(whole.filter(refused, ~has_bytes))})

    def _read(self, file: DataFile) -> pl.DataFrame | None:
        """None for a damaged file, which is noted. Raises Changed."""
        try:
            return self._log.read(file)
        except EventLogError as error:
            found = self._history.latest()
            if found is None or file not in found.files:
                raise Changed from error
            self._damaged.append(str(error))
            self._done.add(file.name)
            return None

    def _exchange(self, file: DataFile, rows: pl.DataFrame, mended: pl.DataFrame, erased: int) -> None:
        table, partition = self._history.table, self._history.partition
        new = [self._log.write_day(table, partition, rows, file.day)] if len(rows) else []

        def change(found: Manifest | None) -> Manifest:
            made = exchanged(found, [file], new, self._now)
            if len(self._keep(mended)) < len(mended):  # a visitor was forgotten meanwhile
                raise Changed
            return replace(made, erased=made.erased + erased)

        self._history.commit(change)
        self._done.update(one.name for one in new)


def _again(rows: Rows, refused: pl.DataFrame) -> pl.DataFrame:
    """The refused rows, read by this program, in their order."""
    made = [rows.frame([])]
    for part in refused.iter_slices(_AT_ONCE):
        made.append(rows.frame([_record(row) for row in part.iter_rows(named=True)]))
    return pl.concat(made).with_columns(refused[_PLACE])


def _record(row: dict[str, Any]) -> LoggedRecord:
    headers = msgspec.msgpack.decode(row["_headers"]) if row["_headers"] else []
    where = row["_partition"], row["_offset"], row["_stamped"]
    return _Record(*where, row["_key"], row["_bytes"], [(name, value) for name, value in headers])
