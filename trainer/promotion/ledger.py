"""The ledger: an append-only file `ledger.jsonl` in the registry that records which version serves, and why.

Each line is one entry; the current status follows from reading them in order. A line counts once its newline
is on disk, so a kill leaves either a whole entry or none. Deciding and writing happen under one lock, so two
processes cannot both promote on what they read before.
"""

import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from models.durable_files import sync
from models.errors import PathcastError
from trainer.promotion.status import LedgerEntry, RegistryStatus, status_after

NAME = "ledger.jsonl"


class LedgerError(PathcastError):
    """The ledger cannot be read or written, or a request contradicts it."""


#: Decides the next entries from the current status. Raises LedgerError to enter nothing.
Decide = Callable[[RegistryStatus], Iterable[LedgerEntry]]


@dataclass(frozen=True)
class Ledger:
    """The ledger of the registry in `folder`."""

    folder: Path

    def entries(self) -> list[LedgerEntry]:
        """All entries, oldest first; empty if there is no ledger yet. Raises LedgerError."""
        try:
            return _read((self.folder / NAME).read_bytes(), self.folder / NAME)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LedgerError(f"cannot read {self.folder / NAME}: {error}; check its rights") from error

    def status(self) -> RegistryStatus:
        """The current status. Raises LedgerError."""
        return status_after(self.entries())

    def enter(self, decide: Decide) -> RegistryStatus:
        """Append what `decide` returns for the current status; returns the new status. Raises LedgerError."""
        with self._locked() as file:
            status = status_after(_read(file.read(), self.folder / NAME))
            new = list(decide(status))
            file.write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in new))
            sync(file)
        for entry in new:
            status = status.after(entry)
        return status

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        """The file, locked and positioned at its start; an incomplete last line is removed."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / NAME).open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
                file.seek(0)
                yield file
        except OSError as error:
            raise LedgerError(
                f"cannot write {self.folder / NAME}: {error}; the registry must be a folder that can be "
                "written, with room on its disk"
            ) from error


def _read(content: bytes, path: Path) -> list[LedgerEntry]:
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(msgspec.json.decode(line, type=LedgerEntry))
        except msgspec.DecodeError as error:
            raise LedgerError(
                f"line {number} of {path} is not an entry ({error}): it was changed by hand, or by a newer "
                "program; repair that line"
            ) from error
    return entries
