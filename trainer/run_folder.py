"""A folder with the records of a run: written whole, read again after a kill, for one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

import msgspec

from models.durable_files import replace_file
from models.errors import PathcastError

_Kind = TypeVar("_Kind", bound=msgspec.Struct)


@dataclass(frozen=True)
class RunFolder:
    """The folder, and its records by name. `error` is what a folder of the kind raises."""

    folder: Path
    error: ClassVar[type[PathcastError]] = PathcastError

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Lock the folder until the block ends; yields whether this process got the lock."""
        with self._using(), (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def _read(self, name: str, kind: type[_Kind]) -> _Kind | None:
        """A record; None where there is none."""
        try:
            return msgspec.json.decode((self.folder / name).read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise self.error(
                f"{self.folder / name} cannot be read ({error}): delete it to start again"
            ) from error

    def _write(self, name: str, content: bytes) -> None:
        with self._using():
            replace_file(self.folder / name, content)

    @contextmanager
    def _using(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise self.error(
                f"{self.folder} cannot be used ({error}): set PATHCAST_TRAINER_WORKDIR to a folder with room"
            ) from error
