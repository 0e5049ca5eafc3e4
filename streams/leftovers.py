"""Databases of partitions that are somebody else's by now: kept a while for their return, then deleted."""

import asyncio
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

import structlog

log = structlog.get_logger("pathcast.worker")

#: Seconds between two looks.
EVERY = 60.0
_GONE = ".deleted-"


class Leftovers:
    """Deletes a partition's database once nobody here has used it for `seconds`; `used` are those in use."""

    def __init__(self, datadir: Path, seconds: float, used: Callable[[], Collection[int]]) -> None:
        self._datadir, self._seconds, self._used = datadir, seconds, used
        #: When a database was first seen unused (epoch seconds): its files tell only when it was written.
        self._since: dict[Path, float] = {}

    async def run(self) -> None:
        """Look now and then until cancelled."""
        while True:
            gone = self.put_aside(time.time())
            await asyncio.to_thread(remove, gone)
            await asyncio.sleep(min(EVERY, self._seconds))

    def put_aside(self, now: float) -> list[Path]:
        """Rename what is to be deleted; at once, so that no assignment can open it meanwhile."""
        gone = list(self._datadir.rglob(f"{_GONE}*"))
        for path in self._datadir.rglob("*-*.db"):
            number = path.stem.rpartition("-")[2]
            if not number.isdigit() or int(number) in self._used():
                self._since.pop(path, None)
            elif now - self._unused_since(path, now) >= self._seconds:
                gone.append(path.rename(path.with_name(f"{_GONE}{path.name}-{now:.0f}")))
                self._since.pop(path, None)
                log.info("deleting the state of a partition of others", partition=int(number))
        return gone

    def _unused_since(self, path: Path, now: float) -> float:
        """A restart must not begin the wait anew: at least as long as the last write is ago."""
        written = max((file.stat().st_mtime for file in path.iterdir()), default=now)
        return min(written, self._since.setdefault(path, now))


def remove(gone: Collection[Path]) -> None:
    """Delete folders; what cannot be deleted is tried again with the next look."""
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
