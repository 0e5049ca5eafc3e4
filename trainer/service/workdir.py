"""The working folder of a trainer: the ordered run, and the result of the last one, in files that survive a
kill.

WORKDIR/
├── order.json        the current run; absent while none is due
├── slice.parquet     the clicks that it learns from
├── begun             modified when reading the slice began
├── items.parquet     the catalogue at that time
├── start             the version that it starts from, if runs do so
├── checkpoint/       its training checkpoint
├── trained           the name of the version that it made
├── shadow.json       the pending live trial of that version, if the gate wants one
├── lock              locked by the process that makes the run
└── last.json         the last finished run and its result
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from models.errors import PathcastError
from trainer.run_folder import RunFolder
from trainer.service.schedule import Mark


class TrainerError(PathcastError):
    """The trainer cannot use its working folder."""


class RunOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An ordered run: `reason` says why, `at` when (epoch ms), `clicks` how many clicks the log had then.

    `requests` are the names of the requests that it answers. `attempts` counts how often its process died.
    """

    id: str
    reason: str
    at: int
    clicks: int
    requests: list[str] = []
    attempts: int = 0


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: the version or None, whether it was `promoted`, and `why` in a sentence.

    `told`: a trainer has logged the result and answered the requests.
    """

    order: RunOrder
    at: int
    version: str | None
    promoted: bool
    why: str
    told: bool = False


@dataclass(frozen=True)
class Workdir(RunFolder):
    """The folder of one trainer."""

    error: ClassVar = TrainerError

    @property
    def slice(self) -> Path:
        """The clicks that the run learns from."""
        return self.folder / "slice.parquet"

    @property
    def begun(self) -> Path:
        """Its modification time is the start of reading the slice."""
        return self.folder / "begun"

    @property
    def items(self) -> Path:
        """The catalogue that the run uses."""
        return self.folder / "items.parquet"

    @property
    def trained(self) -> Path:
        """Contains the name of the version that the run made."""
        return self.folder / "trained"

    @property
    def start(self) -> Path:
        """Contains the name of the version that the run starts from; empty if from scratch."""
        return self.folder / "start"

    @property
    def shadow(self) -> Path:
        """The pending live trial of the run's version."""
        return self.folder / "shadow.json"

    @property
    def checkpoint(self) -> Path:
        """The training checkpoint."""
        return self.folder / "checkpoint"

    def order(self) -> RunOrder | None:
        """The current run. Raises TrainerError."""
        order = self._read("order.json", RunOrder)
        done = self.done()
        if order is not None and done is not None and done.order.id == order.id:
            self._clear()  # it ended, and was killed before it could tidy up
            return None
        return order

    def done(self) -> RunResult | None:
        """The result of the last run. Raises TrainerError."""
        return self._read("last.json", RunResult)

    def mark(self) -> Mark | None:
        """When the last run was ordered; None before the first one. Raises TrainerError."""
        done = self.done()
        return Mark(done.order.at, done.order.clicks) if done else None

    def predates(self, moment: int) -> bool:
        """Whether what the run reads may be older than a time (epoch ms)."""
        if self.begun.exists():
            return moment >= int(self.begun.stat().st_mtime * 1000)
        return self.slice.exists()

    def begin(self, order: RunOrder) -> None:
        """Record an ordered run, or one more attempt of it. Raises TrainerError."""
        self._write("order.json", msgspec.json.encode(order))

    def end(self, done: RunResult) -> None:
        """Record the run's result and remove its files. Raises TrainerError."""
        self._write("last.json", msgspec.json.encode(done))
        self._clear()

    def tell(self, done: RunResult) -> None:
        """Record that a trainer has logged the last run's result. Raises TrainerError."""
        self._write("last.json", msgspec.json.encode(replace(done, told=True)))

    def check(self) -> None:
        """Raise TrainerError if the folder is not writable, or has files that cannot be read."""
        with self._using(), TemporaryFile(dir=self.folder):
            self.order()

    def anew(self) -> None:
        """Remove what the run has read and learned so far, so that it begins again."""
        for path in (self.slice, self.begun, self.items, self.start, self.trained, self.shadow):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoint, ignore_errors=True)

    def _clear(self) -> None:
        self.anew()
        (self.folder / "order.json").unlink(missing_ok=True)

    def starts(self, version: str) -> None:
        """Record the version that the run starts from ("": from scratch), for all attempts. Raises
        TrainerError.
        """
        self._write(self.start.name, version.encode())

    def made(self, version: str) -> None:
        """Record the version that the run made; after this it only has to be judged. Raises TrainerError."""
        self._write(self.trained.name, version.encode())
