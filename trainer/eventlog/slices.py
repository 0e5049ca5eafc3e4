"""The newest clicks of an event log as one file, which a run learns from.

The log is read file by file, so memory depends on the number of clicks asked for, not on the log. Later
changes of the log do not affect the file.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.durable_files import replacing
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import CLICKS
from trainer.eventlog.manifest import DataFile, Manifest
from trainer.eventlog.place import EventLogError

#: Key of the offsets in the Parquet metadata.
_ABOUT = "pathcast"
_COLUMNS = [*CLICKS.fields, "_partition", "_offset", "_refused"]
_ORDER = ["ts", "_partition", "_offset"]


class LogSlice(NamedTuple):
    """Number of clicks, and for each partition of the topics the first offset taken and the next one."""

    clicks: int
    offsets: dict[str, dict[str, list[int]]]


def write(log: EventLog, to: Path, most: int | None = None, since: int | None = None) -> LogSlice:
    """Write the clicks that workers did not refuse, in order of event time, to the Parquet file `to`.

    `most`: only this many of the newest; `since` (epoch ms): none before it. Equal logs give equal rows,
    whatever was compacted. Raises EventLogError, also for a log without clicks.
    """
    manifests = log.manifests(CLICKS.name)
    files = [file for found in manifests for file in found.files if file.until is not None]
    first = max(_first(log, files, most), since or 0)
    frames = [
        log.read(file, _COLUMNS).filter(pl.col("_refused").is_null(), pl.col("ts") >= first)
        for file in files
        if (file.until or 0) >= first
    ]
    if not sum(map(len, frames)):
        raise EventLogError(
            f"{log.place.url} has no click to learn from: pathcast log stats shows what it has"
        )
    rows = pl.concat(frames, how="diagonal").sort(_ORDER).tail(most or sum(map(len, frames)))
    made = LogSlice(len(rows), _offsets(rows, manifests))
    _write(rows.select(*CLICKS.fields), to, made)
    return made


def _first(log: EventLog, files: Iterable[DataFile], most: int | None) -> int:
    """An event time since which there are `most` clicks or a few more."""
    if most is None:
        return 0
    newest: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    for file in sorted(files, key=lambda file: file.until or 0, reverse=True):
        if len(newest) == most and (file.until or 0) < newest[0]:
            break
        newest = np.append(newest, log.read(file, ["ts"])["ts"].drop_nulls().to_numpy())
        newest.sort()
        newest = newest[-most:]
    return int(newest[0]) if len(newest) == most else 0


def _offsets(rows: pl.DataFrame, manifests: Iterable[Manifest]) -> dict[str, dict[str, list[int]]]:
    firsts = dict(rows.group_by("_partition").agg(pl.col("_offset").min()).iter_rows())
    found: dict[str, dict[str, list[int]]] = {}
    for manifest in manifests:
        span = [firsts.get(manifest.partition, manifest.next), manifest.next]
        found.setdefault(manifest.topic, {})[str(manifest.partition)] = span
    return found


def _write(rows: pl.DataFrame, to: Path, made: LogSlice) -> None:
    """Write the complete file or nothing."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with replacing(to) as partial:
            rows.write_parquet(partial, metadata={_ABOUT: msgspec.json.encode(made.offsets).decode()})
    except OSError as error:
        raise EventLogError(f"cannot write {to} ({error}): name a folder with room for it") from error


def offsets(files: Iterable[Path]) -> dict[str, Any]:
    """The offsets of topics that slices among the files hold; empty for other files."""
    return {topic: spans for file in files for topic, spans in _said(file)}


def _said(file: Path) -> Iterator[tuple[str, Mapping[str, list[int]]]]:
    if file.suffix != ".parquet":
        return
    try:
        said = pl.read_parquet_metadata(file).get(_ABOUT)
    except (pl.exceptions.PolarsError, OSError):
        return  # reading the rows reports what is wrong with it
    yield from (msgspec.json.decode(said) if said else {}).items()
