"""The place of an event log: a folder, or any fsspec URL (`s3://`, `hdfs://`, `memory://`, …)."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from models.durable_files import sync_folder, write_synced
from models.errors import PathcastError


class EventLogError(PathcastError):
    """The event log cannot be read or written, or does not fit the topics as they are."""


@dataclass(frozen=True)
class LogLocation:
    """Files below a root; names are relative and have forward slashes."""

    fs: Any
    root: str
    url: str

    @classmethod
    def at(cls, url: str) -> "LogLocation":
        """The place of a folder or an fsspec URL. Raises EventLogError for a URL of an unknown kind."""
        try:
            fs, root = fsspec.core.url_to_fs(os.path.expanduser(url))
        except (ImportError, ValueError) as error:
            raise EventLogError(
                f"{url} cannot be used ({error}): name a folder or an fsspec URL, and install its package "
                "(s3fs for s3://, pyarrow for hdfs://)"
            ) from error
        return cls(fs, root.rstrip("/"), url)

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError, or EventLogError if the place fails."""
        with self._failing(FileNotFoundError):
            content: bytes = self.fs.cat_file(self._path(name))
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file that no manifest names yet. Raises EventLogError."""
        with self._failing():
            self.fs.makedirs(self._parent(name), exist_ok=True)
            if self._local:
                write_synced(Path(self._path(name)), content)
            else:
                self.fs.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> None:
        """Write a complete file under a new name, or nothing. Raises FileExistsError if the name is taken.

        This is atomic on local disks, and wherever fsspec's mode `create` is one step (S3, memory).
        """
        with self._failing():
            self.fs.makedirs(self._parent(name), exist_ok=True)
        with self._failing(FileExistsError):
            if self._local:
                _linked(self._path(name), content)
            else:
                self.fs.pipe_file(self._path(name), content, mode="create")

    def remove(self, name: str) -> None:
        """Remove a file if it exists. Raises EventLogError."""
        with self._failing():
            try:
                self.fs.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def names(self, folder: str, folders: bool = False) -> list[str]:
        """Sorted names of the files (or of the folders) in a folder; empty if it is missing."""
        return sorted(self.sizes(folder, folders))

    def sizes(self, folder: str, folders: bool = False) -> dict[str, int]:
        """Bytes of the files in a folder, by name; empty if it is missing. Raises EventLogError."""
        with self._failing():
            self.fs.invalidate_cache()
            try:
                found = self.fs.ls(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
        kind = "directory" if folders else "file"
        bare = {str(entry["name"]).rsplit("/", 1)[-1]: entry for entry in found if entry["type"] == kind}
        return {name: entry.get("size") or 0 for name, entry in bare.items() if not name.startswith(".")}

    def exists(self, name: str) -> bool:
        """Whether the file exists now."""
        with self._failing():
            self.fs.invalidate_cache()
            return bool(self.fs.exists(self._path(name)))

    def changed_at(self, name: str) -> int:
        """When a file was written, epoch ms. Raises FileNotFoundError."""
        with self._failing(FileNotFoundError):
            return int(self.fs.modified(self._path(name)).timestamp() * 1000)

    @property
    def _local(self) -> bool:
        return isinstance(self.fs, LocalFileSystem)

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _parent(self, name: str) -> str:
        return self._path(name).rsplit("/", 1)[0]

    @contextmanager
    def _failing(self, *expected: type[OSError]) -> Iterator[None]:
        """Raise EventLogError for failures of the place; `expected` errors pass unchanged."""
        try:
            yield
        except OSError as error:
            if isinstance(error, expected):
                raise
            raise EventLogError(
                f"the event log at {self.url} cannot be used ({error}): check that it is reachable, may be "
                "written, and has room"
            ) from error


def _linked(path: str, content: bytes) -> None:
    """A hard link is atomic and fails if its name is taken; a rename would replace the file."""
    partial = Path(path).with_name(f".{uuid.uuid4().hex}.partial")
    try:
        write_synced(partial, content)
        os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(partial.parent)
