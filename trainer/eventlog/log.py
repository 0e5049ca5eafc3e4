"""An event log: Parquet files by table and day, and manifests that name the valid ones.

ROOT/
├── _manifests/<table>/<partition>/<number>.json
└── <table>/day=2026-11-26/<partition>-<first offset>-<last offset>-<digest>.parquet

A file counts only if a manifest names it; a killed writer may leave files that do not count.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from models.durations import DAY_MS
from trainer.eventlog.log_tables import BY_NAME
from trainer.eventlog.manifest import FOLDER, DataFile, History, Manifest
from trainer.eventlog.place import EventLogError, LogLocation

_LEVEL = 6


def day_of(moment: int) -> str:
    """The UTC date of a time (epoch ms), as in the names of folders."""
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d}"


def refused_in(frame: pl.DataFrame) -> dict[str, int]:
    """Refused rows by reason."""
    return dict(frame["_refused"].drop_nulls().value_counts().iter_rows())


@dataclass(frozen=True)
class EventLog:
    """The event log at a place."""

    place: LogLocation

    @classmethod
    def at(cls, url: str) -> "EventLog":
        """The log in a folder or at an fsspec URL; it may be empty. Raises EventLogError."""
        return cls(LogLocation.at(url))

    def history(self, table: str, partition: int) -> History:
        """The manifests of a table's partition."""
        return History(self.place, table, partition)

    def histories(self, table: str | None = None) -> Iterator[History]:
        """The manifests of all partitions that the log has, of one table or of all."""
        for name in [table] if table else BY_NAME:
            for number in self.place.names(f"{FOLDER}/{name}", folders=True):
                yield self.history(name, int(number))

    def manifests(self, table: str | None = None) -> list[Manifest]:
        """The current manifest of each partition. Raises EventLogError."""
        return [found for history in self.histories(table) if (found := history.latest())]

    def write(self, table: str, partition: int, frame: pl.DataFrame, now: int) -> list[DataFile]:
        """Write rows in the order of their offsets, one file for each day of their Kafka timestamps.

        Rows without a timestamp belong to the day of `now` (epoch ms). The files count once a manifest names
        them. Raises EventLogError.
        """
        stamped = pl.when(pl.col("_stamped") < 0).then(now).otherwise(pl.col("_stamped"))
        days = frame.select(stamped // DAY_MS).to_series()
        return [
            self.write_day(table, partition, frame.filter(days == day), day_of(day * DAY_MS))
            for day in days.unique().sort()
        ]

    def write_day(self, table: str, partition: int, frame: pl.DataFrame, day: str) -> DataFile:
        """Write rows as one file of a day (ISO date). Raises EventLogError."""
        content = io.BytesIO()
        frame.write_parquet(content, compression="zstd", compression_level=_LEVEL)
        data = content.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        first, last = int(frame["_offset"][0]), int(frame["_offset"][-1])
        name = f"{table}/day={day}/{partition:05}-{first:020}-{last:020}-{digest[:12]}.parquet"
        self.place.write(name, data)
        time = pl.col(BY_NAME[table].time)
        since, until = frame.select(time.min().alias("since"), time.max().alias("until")).row(0)
        return DataFile(
            name=name,
            day=day,
            first=first,
            last=last,
            rows=len(frame),
            bytes=len(data),
            sha256=digest,
            since=since,
            until=until,
            refused=tuple(sorted(refused_in(frame).items())),
        )

    def read(self, file: DataFile, columns: list[str] | None = None) -> pl.DataFrame:
        """The rows of a file. Raises EventLogError if it is missing or has other bytes than were written."""
        try:
            data = self.place.read(file.name)
        except FileNotFoundError as error:
            raise EventLogError(
                f"{file.name} is gone from {self.place.url}: it was compacted, expired or erased while it "
                "was read; try again"
            ) from error
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise EventLogError(
                f"{file.name} in {self.place.url} has other bytes than were written: restore it from a copy"
            )
        return pl.read_parquet(io.BytesIO(data), columns=columns)

    def discard(self, history: History, names: list[str]) -> None:
        """Remove files, except those that the current manifest names. Raises EventLogError."""
        found = history.latest()
        kept = {file.name for file in found.files} if found else set()
        for name in names:
            if name not in kept:
                self.place.remove(name)
