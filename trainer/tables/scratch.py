"""A folder of this process for unpacked and rewritten files; it is removed when the process ends."""

import os
import shutil
import tempfile
import weakref
from functools import cache
from pathlib import Path


class _Folder:
    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="pathcast-files-"))
        self._count = 0
        weakref.finalize(self, _remove, self.path, os.getpid())

    def next(self) -> Path:
        self._count += 1
        return self.path / f"{os.getpid()}-{self._count}"


def _remove(path: Path, owner: int) -> None:
    """A fork of the process ends without taking the files from it."""
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


@cache
def _folder() -> _Folder:
    return _Folder()


def new_path() -> Path:
    """A path where nothing is yet."""
    return _folder().next()


def stamp(path: Path) -> tuple[str, int, int]:
    """What changes when somebody writes another file to the path."""
    found = path.stat()
    return str(path.resolve()), found.st_size, found.st_mtime_ns
