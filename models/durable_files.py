"""Files and folders that appear whole or not at all, also where the process or the machine goes down."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def sync(file: IO[Any]) -> None:
    """Force all that was written to an open file onto the disk. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force the names in a folder onto the disk. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and force it onto the disk; a reader may see half of it. Raises OSError."""
    with path.open("wb") as file:
        file.write(content)
        sync(file)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden path beside `path` to write to; at the end of the block it is synced and takes its name.

    Where the block fails, the hidden file is removed and `path` stays as it was. Raises OSError.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, in the place of one of this name. Raises OSError."""
    with replacing(path) as partial:
        partial.write_bytes(content)


@contextmanager
def staged_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path` to fill, for the owner alone; at the end of the block it takes its name.

    Makes the folders above. Where the block fails, the hidden folder is removed. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=path.parent))
    try:
        yield partial
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
