"""Which version serves, and how that came about: an append-only file in the registry, `ledger.jsonl`.

One line an entry; what holds follows from reading them in order. A line counts once its newline is on the
disk, so a kill leaves either an entry or none. Who decides and who writes hold one lock, so two processes
cannot both promote on what they read before.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta

from models.errors import PathcastError

NAME = "ledger.jsonl"


class LedgerError(PathcastError):
    """The ledger cannot be read or written, or what was asked does not go together with what it says."""


class What(StrEnum):
    """What befell a version."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    TAKEN_BACK = "taken back"
    PINNED = "pinned"
    RELEASED = "released"
    REMOVED = "removed"


class Entry(msgspec.Struct, kw_only=True, frozen=True):
    """`at` is epoch ms; `by` who decided (`gate`, `operator`, ...); `reason` one sentence."""

    at: int
    what: What
    version: Annotated[str, Meta(min_length=1)]
    by: str
    reason: str = ""


@dataclass
class Standing:
    """What follows from entries: `stack` are promoted versions, the last one serves; `refused` say why."""

    stack: list[str] = field(default_factory=list)
    pinned: str | None = None
    refused: dict[str, str] = field(default_factory=dict)
    taken_back: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    @property
    def serving(self) -> str | None:
        """The version that workers were told of last."""
        return self.stack[-1] if self.stack else None

    def state(self, version: str) -> str:
        """A version's state in a few words."""
        if version == self.serving:
            return "serving, pinned" if version == self.pinned else "serving"
        known = {"taken back": self.taken_back, "refused": self.refused, "served": self.stack}
        return next((state for state, versions in known.items() if version in versions), "new")

    def after(self, entry: Entry) -> "Standing":
        """Changed by the entry that comes next."""
        version, what = entry.version, entry.what
        if what == What.PROMOTED:
            self.stack = [*(other for other in self.stack if other != version), version]
            self.refused.pop(version, None)
            self.taken_back.pop(version, None)
        elif what == What.TAKEN_BACK:
            self.stack = [other for other in self.stack if other != version]
            self.taken_back[version] = entry.reason
        elif what == What.REFUSED:
            self.refused[version] = entry.reason
        elif what == What.REMOVED:
            self.stack = [other for other in self.stack if other != version]
            self.removed.add(version)
        else:
            self.pinned = version if what == What.PINNED else None
        return self


def standing(entries: Iterable[Entry]) -> Standing:
    """What holds after all entries."""
    found = Standing()
    for entry in entries:
        found = found.after(entry)
    return found


#: Decides, from what holds, what is entered next. Raises LedgerError to enter nothing.
Decide = Callable[[Standing], Iterable[Entry]]


@dataclass(frozen=True)
class Ledger:
    """The ledger of the registry in `folder`."""

    folder: Path

    def entries(self) -> list[Entry]:
        """All entries, oldest first; none where nothing was entered. Raises LedgerError."""
        try:
            return _read((self.folder / NAME).read_bytes(), self.folder / NAME)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LedgerError(f"cannot read {self.folder / NAME}: {error}; check its rights") from error

    def standing(self) -> Standing:
        """What holds now. Raises LedgerError."""
        return standing(self.entries())

    def enter(self, decide: Decide) -> Standing:
        """Enter what `decide` makes of what holds; what holds then. Raises LedgerError."""
        with self._locked() as file:
            found = standing(_read(file.read(), self.folder / NAME))
            made = list(decide(found))
            file.write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in made))
            file.flush()
            os.fsync(file.fileno())
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


def _read(content: bytes, path: Path) -> list[Entry]:
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    made = []
    for number, line in enumerate(lines, start=1):
        try:
            made.append(msgspec.json.decode(line, type=Entry))
        except msgspec.DecodeError as error:
            raise LedgerError(
                f"line {number} of {path} is no entry ({error}): it was changed by hand, or by a newer "
                "program; repair that line"
            ) from error
    return made
