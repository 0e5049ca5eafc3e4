"""Erasure: rows of forgotten visitors leave the files, and later rows of theirs are not let in.

A forgotten visitor is kept as a keyed hash, for as long as a topic may still hold their older records.
"""

import hashlib
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial, reduce
from json import dumps
from operator import or_
from typing import NamedTuple

import msgspec
import polars as pl
from msgspec.structs import replace

from models.durations import DAY_MS
from trainer.eventlog.compact import Changed
from trainer.eventlog.log import EventLog
from trainer.eventlog.manifest import DataFile, History, Manifest
from trainer.eventlog.rows import ERASED

FOLDER = "_forgotten"
_SALT = f"{FOLDER}/salt"
#: Topics keep records for less than this, so older hashes match nothing.
KEPT_MS = 90 * DAY_MS


class _Forgotten(msgspec.Struct, frozen=True):
    until: int
    hashes: list[str]


class Erased(NamedTuple):
    """Rows of forgotten visitors that a partition had: their number, offsets and event times."""

    table: str
    topic: str
    partition: int
    rows: int
    offsets: tuple[int, ...]


def forget(log: EventLog, visitors: Collection[str], now: int) -> list[Erased]:
    """Erase all rows of these visitors, also those not yet ingested that were stamped up to `now` (epoch ms).

    Files are rewritten and the old ones removed at once, so a reader may have to begin again. Raises
    EventLogError; calling it again does the rest.
    """
    salt = _salt(log)
    entry = _Forgotten(now, [_hash(salt, visitor) for visitor in visitors])
    log.place.write(f"{FOLDER}/{now:015}-{secrets.token_hex(4)}.json", msgspec.json.encode(entry))
    return [found for history in log.histories() if (found := _erase(log, history, visitors)) is not None]


def _erase(log: EventLog, history: History, visitors: Collection[str]) -> Erased | None:
    while True:
        found = history.latest()
        if found is None:
            return None
        made = {file: _rest(log, history, file, visitors) for file in found.files}
        try:
            # Also without a match: a writer that has not read the list fails its commit, and reads it.
            history.commit(partial(_after, found, made))
        except Changed:
            continue
        offsets = tuple(offset for rest in made.values() if rest for offset in rest.offsets)
        old = [file.name for file, rest in made.items() if rest] + list(found.retired)
        log.discard(history, old)
        return (
            Erased(history.table, found.topic, history.partition, len(offsets), offsets) if offsets else None
        )


class _Rest(NamedTuple):
    files: list[DataFile]
    offsets: list[int]


def _rest(log: EventLog, history: History, file: DataFile, visitors: Collection[str]) -> _Rest | None:
    """The rows of a file that stay; None if all of them stay."""
    theirs = theirs_of(visitors)
    found = log.read(file, ["_offset", "_key", "_bytes", "_refused", "visitor_id"]).filter(theirs)
    if not len(found):
        return None
    kept = log.read(file).filter(~theirs)
    files = [log.write_day(history.table, history.partition, kept, file.day)] if len(kept) else []
    return _Rest(files, found["_offset"].to_list())


def _after(found: Manifest, made: dict[DataFile, _Rest | None], latest: Manifest | None) -> Manifest:
    if latest != found:
        raise Changed
    files = [one for file, rest in made.items() for one in (rest.files if rest else [file])]
    gone = sum(len(rest.offsets) for rest in made.values() if rest)
    return replace(found, files=tuple(files), erased=found.erased + gone, retired={})


def theirs_of(visitors: Collection[str]) -> pl.Expr:
    """Whether a row belongs to one of the visitors: by its column, its key, or unreadable bytes."""
    keys = [visitor.encode() for visitor in visitors]
    spelled = {one for visitor in visitors for one in (msgspec.json.encode(visitor), dumps(visitor).encode())}
    unread = pl.col("_refused").is_not_null()
    inside = reduce(or_, (pl.col("_bytes").bin.contains(text) for text in spelled), pl.lit(False))
    named = pl.col("visitor_id").is_in(list(visitors)), pl.col("_key").is_in(keys)
    return pl.any_horizontal(*named, unread & inside).fill_null(False)


def _salt(log: EventLog) -> bytes:
    """The key of this log's hashes, created when it is first needed."""
    with suppress(FileExistsError):
        if not log.place.exists(_SALT):
            log.place.create(_SALT, secrets.token_bytes(32))
    return log.place.read(_SALT)


def _hash(salt: bytes, visitor: str) -> str:
    return hashlib.blake2b(visitor.encode(), key=salt, digest_size=16).hexdigest()


@dataclass
class Forgetting:
    """Leaves out rows of forgotten visitors stamped before the erasure, and rows whose key is gone."""

    log: EventLog
    _known: dict[str, _Forgotten] = field(default_factory=dict)

    def __call__(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows that may be written. Raises EventLogError."""
        frame = frame.filter(pl.col("_refused").ne_missing(ERASED))
        hashes = self._hashes()
        if not hashes or not len(frame):
            return frame
        who = pl.coalesce("visitor_id", pl.col("_key").cast(pl.String, strict=False))
        named = frame.with_columns(who.alias("_who"))
        names = named["_who"].drop_nulls().unique().to_list()
        salt = _salt(self.log)
        until = {name: hashes[found] for name in names if (found := _hash(salt, name)) in hashes}
        if not until:
            return frame
        limits = pl.DataFrame({"_who": list(until), "_until": list(until.values())})
        joined = named.join(limits, on="_who", how="left", maintain_order="left")
        gone = (pl.col("_stamped") <= pl.col("_until")).fill_null(False)
        return joined.filter(~gone).drop("_who", "_until")

    def _hashes(self) -> dict[str, int]:
        """Hashes of visitors, and until when (epoch ms) records with them are left out."""
        names = [name for name in self.log.place.names(FOLDER) if name.endswith(".json")]
        self._known = {name: self._known.get(name) or self._read(name) for name in names}
        entries = sorted(self._known.values(), key=lambda entry: entry.until)
        return {found: entry.until for entry in entries for found in entry.hashes}

    def _read(self, name: str) -> _Forgotten:
        return msgspec.json.decode(self.log.place.read(f"{FOLDER}/{name}"), type=_Forgotten)


def outdated(log: EventLog, now: int) -> int:
    """Remove hashes that no record can match any more; returns how many. Raises EventLogError."""
    entries = (name for name in log.place.names(FOLDER) if name.endswith(".json"))
    old = [name for name in entries if int(name[:15]) < now - KEPT_MS]
    for name in old:
        log.place.remove(f"{FOLDER}/{name}")
    return len(old)


def latest(log: EventLog) -> int:
    """The time of the latest erasure, epoch ms; 0: there was none. Raises EventLogError."""
    names = (name for name in log.place.names(FOLDER) if name.endswith(".json"))
    return max((int(name[:15]) for name in names), default=0)
