"""What an event log holds, table by table."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from trainer.eventlog.log import EventLog, refused_in
from trainer.eventlog.log_tables import TABLES
from trainer.eventlog.manifest import DataFile, Manifest
from trainer.eventlog.place import EventLogError


class Stats(NamedTuple):
    """A table: all `rows` ever written are `kept`, `expired` or `erased`.

    `lost` offsets were dropped by the topic before they were read. `days` are the first and the last one;
    `since` and `until` are event times (epoch ms). `refused` counts refused rows by reason, among the
    `counted` kept ones.
    """

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
    counted: int
    refused: Mapping[str, int]


def stats(log: EventLog, look: bool = True) -> list[Stats]:
    """One entry for each table, from the manifests. Raises EventLogError.

    Files of older programs have no counts of refused rows: with `look` they are read to count them.
    """
    return [_of(log, table.name, log.manifests(table.name), look) for table in TABLES]


def damaged(log: EventLog) -> list[str]:
    """One sentence for each file that is missing or has a wrong size. Raises EventLogError."""
    found = dict(_damaged(log))
    if not found:
        return []
    held = {file.name for manifest in log.manifests() for file in manifest.files}  # erased since, maybe
    return [said for name, said in found.items() if name in held]


def _damaged(log: EventLog) -> Iterator[tuple[str, str]]:
    by_folder: dict[str, list[DataFile]] = {}
    for file in (file for manifest in log.manifests() for file in manifest.files):
        by_folder.setdefault(file.name.rpartition("/")[0], []).append(file)
    for folder, files in by_folder.items():
        sizes = log.place.sizes(folder)
        for file in files:
            size = sizes.get(file.name.rpartition("/")[2])
            if size != file.bytes:
                has = "is gone" if size is None else f"has {size:,} bytes"
                yield file.name, f"{file.name} {has}, expected {file.bytes:,} bytes"


def _refused(log: EventLog, files: list[DataFile], look: bool) -> tuple[int, Mapping[str, int]]:
    """Rows of the files whose refused rows are counted, and these by reason."""
    rows, counts = 0, Counter[str]()
    for file in files:
        found = _looked(log, file) if look and file.refused is None else file.refused
        if found is not None:
            rows += file.rows
            counts.update(dict(found))
    return rows, dict(counts.most_common())


def _looked(log: EventLog, file: DataFile) -> tuple[tuple[str, int], ...] | None:
    """The counts of a file; none if it cannot be read, which `damaged` reports."""
    try:
        return tuple(refused_in(log.read(file, ["_refused"])).items())
    except EventLogError:
        return None


def _of(log: EventLog, table: str, manifests: list[Manifest], look: bool) -> Stats:
    files = [file for manifest in manifests for file in manifest.files]
    days = sorted({file.day for file in files})
    counted, refused = _refused(log, files, look)
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
        counted=counted,
        refused=refused,
    )
