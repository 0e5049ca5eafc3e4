"""What an event log holds, table by table."""

from collections.abc import Iterator
from typing import NamedTuple

from trainer.eventlog.log import EventLog
from trainer.eventlog.manifest import File, Manifest
from trainer.eventlog.tables import TABLES


class Stats(NamedTuple):
    """A table: `rows` ever written are those `kept`, `expired` and `erased`; `lost` offsets were dropped by
    the topic before they were read. `days` are the first and the last one; `since`, `until` event times."""

    table: str
    partitions: int
    files: int
    bytes: int
    rows: int
    kept: int
    expired: int
    erased: int
    lost: int
    days: tuple[str, str] | None
    since: int | None
    until: int | None


def stats(log: EventLog) -> list[Stats]:
    """One entry for each table, from the manifests alone. Raises EventLogError."""
    return [_of(table.name, log.manifests(table.name)) for table in TABLES]


def damaged(log: EventLog) -> list[str]:
    """What is wrong with files, in a sentence each, as far as their sizes say. Raises EventLogError."""
    found = dict(_damaged(log))
    if not found:
        return []
    held = {file.name for manifest in log.manifests() for file in manifest.files}  # erased since, maybe
    return [said for name, said in found.items() if name in held]


def _damaged(log: EventLog) -> Iterator[tuple[str, str]]:
    by_folder: dict[str, list[File]] = {}
    for file in (file for manifest in log.manifests() for file in manifest.files):
        by_folder.setdefault(file.name.rpartition("/")[0], []).append(file)
    for folder, files in by_folder.items():
        sizes = log.place.sizes(folder)
        for file in files:
            size = sizes.get(file.name.rpartition("/")[2])
            if size != file.bytes:
                has = "is gone" if size is None else f"has {size:,} bytes"
                yield file.name, f"{file.name} {has}, expected {file.bytes:,} bytes"


def _of(table: str, manifests: list[Manifest]) -> Stats:
    files = [file for manifest in manifests for file in manifest.files]
    days = sorted({file.day for file in files})
    return Stats(
        table=table,
        partitions=len(manifests),
        files=len(files),
        bytes=sum(file.bytes for file in files),
        rows=sum(manifest.rows for manifest in manifests),
        kept=sum(manifest.kept for manifest in manifests),
        expired=sum(manifest.expired for manifest in manifests),
        erased=sum(manifest.erased for manifest in manifests),
        lost=sum(end - start for manifest in manifests for start, end in manifest.gaps),
        days=(days[0], days[-1]) if days else None,
        since=min((file.since for file in files if file.since is not None), default=None),
        until=max((file.until for file in files if file.until is not None), default=None),
    )
