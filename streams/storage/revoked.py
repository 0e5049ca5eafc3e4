"""Databases of revoked partitions: kept for a while in case they return, then deleted."""

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from fnmatch import fnmatch
from pathlib import Path

import structlog

log = structlog.get_logger("pathcast.worker")

_GONE = ".deleted-"


class RevokedState:
    """Deletes the database of a partition that was unused for `seconds`; `used` returns those in use."""

    def __init__(self, datadir: Path, seconds: float, used: Callable[[], Collection[int]]) -> None:
        self._datadir, self._seconds, self._used = datadir, seconds, used
        #: When a database was first seen unused (epoch seconds); its files have only the time of writing.
        self._since: dict[Path, float] = {}

    def unused(self) -> dict[int, Path]:
        """Databases by revoked partition."""
        used = self._used()
        return {number: path for number, path in _databases(self._folders()) if number not in used}

    def held(self) -> set[int]:
        """Partitions with files here, including files about to be deleted."""
        folders = self._folders()
        put_aside = (path.name.rpartition(".db-")[0] for path in _gone(folders))
        numbers = (name.rpartition("-")[2] for name in put_aside)
        return {number for number, _ in _databases(folders)} | {int(one) for one in numbers if one.isdigit()}

    def put_aside(self, now: float, outdated: Collection[int] = ()) -> list[Path]:
        """Rename databases that are due for deletion, so that no assignment can open them meanwhile.

        `outdated` are partitions whose unused database goes at once. `now` is in epoch seconds.
        """
        folders = self._folders()
        gone, used = _gone(folders), self._used()
        for number, path in _databases(folders):
            if number in used:
                self._since.pop(path, None)
            elif number in outdated or now - self._unused_since(path, now) >= self._seconds:
                gone.append(path.rename(path.with_name(f"{_GONE}{path.name}-{now:.0f}")))
                self._since.pop(path, None)
                log.info("deleting the state of a partition of others", partition=number)
        return gone

    def _folders(self) -> list[Path]:
        """Folders of databases, also renamed ones; does not list files, because clicks wait meanwhile."""
        found = []
        for folder, names, _ in os.walk(self._datadir):
            ours = [name for name in names if name.startswith(_GONE) or fnmatch(name, "*-*.db")]
            names[:] = set(names).difference(ours)
            found += [Path(folder, name) for name in ours]
        return found

    def _unused_since(self, path: Path, now: float) -> float:
        """Since when a database is unused: since its last write at the latest, across restarts."""
        written = max((file.stat().st_mtime for file in path.iterdir()), default=now)
        return min(written, self._since.setdefault(path, now))


def _databases(folders: Collection[Path]) -> Iterator[tuple[int, Path]]:
    for path in folders:
        number = path.stem.rpartition("-")[2]
        if number.isdigit() and not path.name.startswith(_GONE):
            yield int(number), path


def _gone(folders: Collection[Path]) -> list[Path]:
    return [path for path in folders if path.name.startswith(_GONE)]


def remove(gone: Collection[Path]) -> None:
    """Delete folders; a folder that cannot be deleted is tried again at the next check."""
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
