"""A run that was ordered, and what became of the last one, in files that survive a kill.

WORKDIR/
├── order.json        the run that is under way; there is none while nothing is due
├── slice.parquet     what it learns from
├── begun             when the reading of it began
├── items.parquet     the catalogue at that time
├── start             the version that it begins with, where runs begin with one
├── checkpoint/       how far it is
├── trained           the version that it made, once it has
├── shadow.json       since when workers compare that version, where the gate wants it
├── lock              held by the process that makes it
└── last.json         the last run that ended, and how
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from models.durable_files import replace_file
from models.errors import PathcastError
from trainer.service.schedule import Mark

_Kind = TypeVar("_Kind", bound=msgspec.Struct)


class TrainerError(PathcastError):
    """The trainer cannot use its working folder."""


class RunOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A run: `reason` says why, `at` when it was ordered (epoch ms), `clicks` what the log had taken in.

    `requests` are the names of the requests that it answers. `attempts` counts how often it died.
    """

    id: str
    reason: str
    at: int
    clicks: int
    requests: list[str] = []
    attempts: int = 0


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: with a version, `promoted` or not, or with none. `why` is a sentence.

    `told`: a trainer has said so, and answered the requests.
    """

    order: RunOrder
    at: int
    version: str | None
    promoted: bool
    why: str
    told: bool = False


@dataclass(frozen=True)
class Workdir:
    """The folder of one trainer."""

    folder: Path

    @property
    def slice(self) -> Path:
        """What the run learns from."""
        return self.folder / "slice.parquet"

    @property
    def begun(self) -> Path:
        """As old as the reading of the slice."""
        return self.folder / "begun"

    @property
    def items(self) -> Path:
        """The catalogue as the run knows it."""
        return self.folder / "items.parquet"

    @property
    def trained(self) -> Path:
        """Names the version that the run made, once it has."""
        return self.folder / "trained"

    @property
    def start(self) -> Path:
        """Names the version that the run begins with; empty where it begins from scratch."""
        return self.folder / "start"

    @property
    def shadow(self) -> Path:
        """The comparison on live clicks that the run waits for."""
        return self.folder / "shadow.json"

    @property
    def checkpoint(self) -> Path:
        """How far the run is."""
        return self.folder / "checkpoint"

    def order(self) -> RunOrder | None:
        """The run that is under way. Raises TrainerError."""
        found = self._read("order.json", RunOrder)
        done = self.done()
        if found is not None and done is not None and done.order.id == found.id:
            self._clear()  # it ended, and was killed before it could tidy up
            return None
        return found

    def done(self) -> RunResult | None:
        """How the last run ended. Raises TrainerError."""
        return self._read("last.json", RunResult)

    def mark(self) -> Mark | None:
        """Where the last run was ordered; None before the first one. Raises TrainerError."""
        done = self.done()
        return Mark(done.order.at, done.order.clicks) if done else None

    def predates(self, moment: int) -> bool:
        """Whether what the run reads may be older than a moment (epoch ms)."""
        if self.begun.exists():
            return moment >= int(self.begun.stat().st_mtime * 1000)
        return self.slice.exists()

    def begin(self, order: RunOrder) -> None:
        """RunOrder a run, or say that it died once more. Raises TrainerError."""
        self._write("order.json", msgspec.json.encode(order))

    def end(self, done: RunResult) -> None:
        """Say how the run ended; nothing of it stays. Raises TrainerError."""
        self._write("last.json", msgspec.json.encode(done))
        self._clear()

    def tell(self, done: RunResult) -> None:
        """Note that a trainer has said how the last run ended. Raises TrainerError."""
        self._write("last.json", msgspec.json.encode(replace(done, told=True)))

    def check(self) -> None:
        """Raises TrainerError where the folder cannot be written, or has files that cannot be read."""
        with self._using(), TemporaryFile(dir=self.folder):
            self.order()

    def anew(self) -> None:
        """Forget what the run has read and learned so far: it begins again."""
        for path in (self.slice, self.begun, self.items, self.start, self.trained, self.shadow):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoint, ignore_errors=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether this process is the one that makes the run; it is until the block ends."""
        with self._using(), (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def _clear(self) -> None:
        self.anew()
        (self.folder / "order.json").unlink(missing_ok=True)

    def _read(self, name: str, kind: type[_Kind]) -> _Kind | None:
        try:
            return msgspec.json.decode((self.folder / name).read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise TrainerError(
                f"{self.folder / name} cannot be read ({error}): delete it to begin anew"
            ) from error

    def starts(self, version: str) -> None:
        """Say which version the run begins with, "" for none, for all its lives. Raises TrainerError."""
        self._write(self.start.name, version.encode())

    def made(self, version: str) -> None:
        """Say which version the run made: from here on it only has to be judged. Raises TrainerError."""
        self._write(self.trained.name, version.encode())

    def _write(self, name: str, content: bytes) -> None:
        with self._using():
            replace_file(self.folder / name, content)

    @contextmanager
    def _using(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise TrainerError(
                f"{self.folder} cannot be used ({error}): set PATHCAST_TRAINER_WORKDIR to a folder with room"
            ) from error
