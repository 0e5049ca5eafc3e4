"""Which version serves, and how that came about: an append-only file in the registry, `ledger.jsonl`.

One line an entry; what holds follows from reading them in order. A line counts once its newline is on the
disk, so a kill leaves either an entry or none. Who decides and who writes hold one lock, so two processes
cannot both promote on what they read before.
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
    """The ledger cannot be read or written, or what was asked does not go together with what it says."""


#: Decides, from what holds, what is entered next. Raises LedgerError to enter nothing.
Decide = Callable[[RegistryStatus], Iterable[LedgerEntry]]


@dataclass(frozen=True)
class Ledger:
    """The ledger of the registry in `folder`."""

    folder: Path

    def entries(self) -> list[LedgerEntry]:
        """All entries, oldest first; none where nothing was entered. Raises LedgerError."""
        try:
            return _read((self.folder / NAME).read_bytes(), self.folder / NAME)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LedgerError(f"cannot read {self.folder / NAME}: {error}; check its rights") from error

    def status(self) -> RegistryStatus:
        """What holds now. Raises LedgerError."""
        return status_after(self.entries())

    def enter(self, decide: Decide) -> RegistryStatus:
        """Enter what `decide` makes of what holds; what holds then. Raises LedgerError."""
        with self._locked() as file:
            found = status_after(_read(file.read(), self.folder / NAME))
            made = list(decide(found))
            file.write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in made))
            sync(file)
        for entry in made:
            found = found.after(entry)
        return found

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        """The file, alone, read from its start; what a killed writer left half is cut off."""
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
    made = []
    for number, line in enumerate(lines, start=1):
        try:
            made.append(msgspec.json.decode(line, type=LedgerEntry))
        except msgspec.DecodeError as error:
            raise LedgerError(
                f"line {number} of {path} is no entry ({error}): it was changed by hand, or by a newer "
                "program; repair that line"
            ) from error
    return made
