"""Garbage collection: removes versions that are no longer needed."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from models.durations import DAY_MS
from models.registry import remote
from trainer.defaults import VersionRetention as VersionRetention
from trainer.promotion.ledger import Ledger, LedgerError
from trainer.promotion.resolve import versions
from trainer.promotion.status import LedgerEntry, RegistryStatus, What

#: Folders that remain when a process is killed while it writes or removes a version.
_HALF = (".partial-*", ".removed-*")


#: Selects the versions, by folder, that may be removed.
Which = Callable[[Path], bool]


def removable(folder: Path, keep: VersionRetention, now: int) -> list[str]:
    """Versions that can be removed as of `now` (epoch ms). Raises LedgerError."""
    return list(_removable(folder, Ledger(folder).status(), keep, now))


def collect_garbage(
    folder: Path, keep: VersionRetention, now: int, which: Which = lambda version: True
) -> list[str]:
    """Remove the removable versions that `which` selects; returns their names. The ledger records it first.
    Raises LedgerError.
    """
    gone: list[str] = []

    def decide(status: RegistryStatus) -> Iterable[LedgerEntry]:
        gone.extend(name for name in _removable(folder, status, keep, now) if which(folder / name))
        for name in gone:
            yield LedgerEntry(
                at=now, what=What.REMOVED, version=name, by="gc", reason="nobody will ask for it"
            )

    try:
        Ledger(folder).enter(decide)
        for name in gone:
            (folder / name).rename(folder / f".removed-{name}")
        for half in _leftovers(folder, now):
            shutil.rmtree(half)
    except OSError as error:
        raise LedgerError(f"cannot remove from {folder}: {error}; check its rights") from error
    return gone


def remove_published(folder: Path, url: str) -> list[str]:
    """Remove from the registry at `url` the versions that were removed from the one in `folder`; returns
    their names.

    Versions that the ledger does not name belong to somebody else and stay. Raises LedgerError, or
    RegistryError.
    """
    removed = Ledger(folder).status().removed
    gone = [name for name in remote.names(url) if name in removed and not (folder / name).exists()]
    for name in gone:
        remote.remove(remote.version_url(url, name))
    return gone


def _removable(folder: Path, status: RegistryStatus, keep: VersionRetention, now: int) -> Iterator[str]:
    kept = {status.pinned, *status.stack[-1 - max(0, keep.served) :]}
    for name in versions(folder):
        age = now - int((folder / name).stat().st_mtime * 1000)
        if name not in kept and age >= keep.days * DAY_MS:
            yield name


def _leftovers(folder: Path, now: int) -> Iterator[Path]:
    """Removed folders, and half-written ones older than a day: a younger one may still be written."""
    for path in (path for pattern in _HALF for path in folder.glob(pattern)):
        if path.name.startswith(".removed-") or now - path.stat().st_mtime * 1000 > DAY_MS:
            yield path
