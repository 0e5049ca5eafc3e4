"""Compaction: the same rows in fewer files.

The current day is merged like a binary counter (Bentley and Saxe 1980): the newest files are merged as long
as they are together at least half as large as the file before them. So a row is rewritten only a few times,
however often rows arrive. A finished day becomes as few files as the size limit allows.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import polars as pl
from msgspec.structs import replace

from models.durations import DAY_MS
from trainer.eventlog.log import EventLog, day_of
from trainer.eventlog.manifest import DataFile, History, Manifest

#: Rows of a merged file at most: so many are in memory while it is written.
MOST_ROWS = 250_000
#: A day that goes on is left alone until so many files can become one.
FEWEST = 8


class Changed(Exception):
    """Another process has changed the files meanwhile: nothing was done."""


def compact(log: EventLog, now: int, most: int = MOST_ROWS) -> int:
    """Merge files as of `now` (epoch ms); returns by how many files there are fewer.

    Raises EventLogError.
    """
    return sum(_partition(log, history, now, most) for history in log.histories())


def _partition(log: EventLog, history: History, now: int, most: int) -> int:
    found = history.latest()
    gone = 0
    for group in plan(found.files, day_of(now - DAY_MS), most) if found else ():
        rows = pl.concat([log.read(file) for file in group], how="diagonal")
        made = log.write_day(history.table, history.partition, rows, group[0].day)
        try:
            exchange(history, group, [made], now)
        except Changed:
            return gone
        gone += len(group) - 1
    return gone


def plan(files: Sequence[DataFile], today: str, most: int) -> list[list[DataFile]]:
    """Groups of files to merge: of days before `today` (ISO date) all neighbours, else the newest files."""
    days = [list(group) for _, group in groupby(sorted(files, key=lambda file: file.day), _day)]
    found = [
        group for one in days for group in (_all(one, most) if one[0].day < today else _newest(one, most))
    ]
    return [group for group in found if len(group) > 1]


def _day(file: DataFile) -> str:
    return file.day


def _all(files: Sequence[DataFile], most: int) -> Iterator[list[DataFile]]:
    group: list[DataFile] = []
    for file in files:
        if group and sum(one.rows for one in group) + file.rows > most:
            yield group
            group = []
        group.append(file)
    yield group


def _newest(files: Sequence[DataFile], most: int) -> Iterator[list[DataFile]]:
    group: list[DataFile] = []
    rows = 0
    for file in reversed(files):
        if (rows and file.rows > 2 * rows) or rows + file.rows > most:
            break
        group.insert(0, file)
        rows += file.rows
    if len(group) >= FEWEST:
        yield group


def exchange(history: History, old: Sequence[DataFile], new: Sequence[DataFile], now: int) -> Manifest:
    """Replace files by new ones; the old ones stay for a while for their readers.

    Raises Changed if the manifest no longer names the old ones.
    """

    return history.commit(lambda found: exchanged(found, old, new, now))


def exchanged(found: Manifest | None, old: Sequence[DataFile], new: Sequence[DataFile], now: int) -> Manifest:
    """The manifest with new files in the place of old ones. Raises Changed."""
    if found is None or not set(old) <= set(found.files):
        raise Changed
    place = found.files.index(old[0])
    before = [file for file in found.files[:place] if file not in old]
    after = [file for file in found.files[place:] if file not in old]
    retired = found.retired | {file.name: now for file in old if file not in new}
    return replace(found, files=(*before, *new, *after), retired=retired)
