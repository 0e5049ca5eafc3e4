"""Copies of state as files; files of a revoked partition are deleted as soon as it has an erasure.

A partition is announced before its first byte is written here, and withdrawn after its last one is deleted.
So `pathcast visitor forget` knows every place where state can still be, also of workers that have died.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import aiokafka
import structlog

from streams.storage.copy_ledger import CopyLedger
from streams.storage.erasure_receipts import ErasureReceipts
from streams.storage.partition_store import PartitionStore, rewritten_in
from streams.storage.revoked import RevokedState, remove

log = structlog.get_logger("pathcast.worker")

#: Seconds between two checks.
EVERY = 2.0


class StateCopies:
    """The copies in one datadir: `opened` are the databases in use, others stay for `seconds` at most."""

    def __init__(
        self,
        ledger: CopyLedger,
        receipts: ErasureReceipts,
        datadir: Path,
        seconds: float,
        opened: Callable[[], Mapping[int, PartitionStore]],
    ) -> None:
        self._ledger, self._receipts, self._opened = ledger, receipts, opened
        self._revoked = RevokedState(datadir, seconds, self._used)
        self._assigned: frozenset[int] | None = None
        #: The erasure up to which each closed database is rewritten; constant until the next assignment.
        self._closed: dict[Path, int] = {}
        self._known = asyncio.Event()
        #: Announcements about a partition and changes of its files must not overtake each other.
        self._lock = asyncio.Lock()

    def _used(self) -> set[int]:
        return {*self._opened(), *(self._assigned or ())}

    async def announce(self, partitions: Iterable[int]) -> None:
        """Announce that the state of these partitions will be here. Raises KafkaError."""
        await self._known.wait()
        async with self._lock:
            self._assigned = frozenset(partitions)
            self._closed.clear()
            for number in sorted(self._assigned - self._ledger.said.keys()):
                await self._ledger.say(number, 0)

    async def run(self) -> None:
        """Check regularly until cancelled."""
        await self._receipts.start()
        try:
            await self._ledger.start()
            self._known.set()
            while True:
                await self._try()
                await asyncio.sleep(EVERY)
        finally:
            await self._receipts.stop()
            await self._ledger.stop()

    async def _try(self) -> None:
        try:
            await self.look()
        except aiokafka.errors.KafkaError as error:
            log.warning("copies of the state not confirmed", reason=repr(error))

    async def look(self) -> None:
        """Delete files that must go, then announce changes. Raises KafkaError."""
        async with self._lock:
            gone = self._revoked.put_aside(time.time(), await self._outdated())
            await asyncio.to_thread(remove, gone)
            lying, said = self._lying(), self._ledger.said
            for number in sorted(lying.keys() | said.keys()):
                if lying.get(number) != said.get(number) or number in self._ledger.outdated:
                    await self._ledger.say(number, lying.get(number))

    async def _outdated(self) -> set[int]:
        """Revoked partitions whose files here may contain an erased visitor.

        Before the first assignment there are none, because this worker rewrites the partitions that it gets.
        """
        if self._assigned is None:
            return set()
        unused = self._revoked.unused()
        latest = await self._receipts.latest(unused)
        return {number for number, at in latest.items() if at and at != self._of_closed(unused[number])}

    def _of_closed(self, path: Path) -> int:
        if path not in self._closed:
            self._closed[path] = rewritten_in(str(path))
        return self._closed[path]

    def _lying(self) -> dict[int, int]:
        """By partition with files here or assigned: the erasure up to which its files are rewritten."""
        said = self._ledger.said
        lying = dict.fromkeys(self._revoked.held(), 0)
        lying |= {number: self._of_closed(path) for number, path in self._revoked.unused().items()}
        lying |= {number: said.get(number, 0) for number in self._assigned or ()}
        return lying | {number: store.rewritten() for number, store in self._opened().items()}
