"""Removing what the log no longer needs: expired days, replaced files, leftovers of killed writers."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from models.durations import DAY_MS
from trainer.eventlog.compact import compact
from trainer.eventlog.log import EventLog, day_of
from trainer.eventlog.log_erasure import outdated
from trainer.eventlog.manifest import History, Manifest

#: How long files without a manifest stay: longer than reading them, or writing a manifest, takes.
GRACE_MS = 600_000


class Tended(NamedTuple):
    """What was done: files merged away, rows expired, unused files removed."""

    merged: int
    expired: int
    swept: int


def tend(log: EventLog, now: int, days: Mapping[str, float]) -> Tended:
    """Expire, merge and remove what is due as of `now` (epoch ms); see `expire`. Raises EventLogError."""
    expired = expire(log, now, days)
    merged = compact(log, now)
    outdated(log, now)
    return Tended(merged, expired, sweep(log, now))


def expire(log: EventLog, now: int, days: Mapping[str, float]) -> int:
    """Drop the files of days that ended more than this many days ago, by table; returns the number of rows.

    A table without an entry keeps everything. Raises EventLogError.
    """
    return sum(
        _expired(log, history, day_of(now - int((1 + kept) * DAY_MS)))
        for table, kept in days.items()
        for history in log.histories(table)
    )


def _expired(log: EventLog, history: History, last: str) -> int:
    """Drops the days up to `last` (ISO date)."""
    gone: dict[str, int] = {}

    def change(found: Manifest | None) -> Manifest:
        assert found is not None
        gone.clear()
        gone.update({file.name: file.rows for file in found.files if file.day <= last})
        files = tuple(file for file in found.files if file.name not in gone)
        return replace(found, files=files, expired=found.expired + sum(gone.values()))

    found = history.latest()
    if found is None or not any(file.day <= last for file in found.files):
        return 0
    history.commit(change)
    log.discard(history, list(gone))
    return sum(gone.values())


def sweep(log: EventLog, now: int, grace: int = GRACE_MS) -> int:
    """Remove files that no manifest has named for `grace` ms; returns how many. Raises EventLogError."""
    gone = 0
    for history in log.histories():
        found = history.latest()
        if found is None:
            continue
        over = [name for name, at in found.retired.items() if at <= now - grace]
        strays = list(_strays(log, history, found, now - grace))
        log.discard(history, over + strays)
        if over:
            history.commit(partial(_without, over))
        gone += len(over) + len(strays)
    return gone


def _without(names: list[str], found: Manifest | None) -> Manifest:
    assert found is not None
    return replace(found, retired={name: at for name, at in found.retired.items() if name not in names})


def _strays(log: EventLog, history: History, found: Manifest, before: int) -> Iterator[str]:
    """Files of the partition, written before a time, that no manifest names."""
    named = {file.name for file in found.files} | set(found.retired)
    for day in log.place.names(history.table, folders=True):
        for name in log.place.names(f"{history.table}/{day}"):
            whole = f"{history.table}/{day}/{name}"
            mine = name.startswith(f"{history.partition:05}-")
            if mine and whole not in named and log.place.changed_at(whole) <= before:
                yield whole
