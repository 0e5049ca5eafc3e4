"""A file that a command writes at its end; it is checked before the work that it can be written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from models.errors import PathcastError


class OutFile(click.Path):
    """A file in an existing folder that may be written."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path. Fails if the file could not be written at the end."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        folder = path.parent
        if not folder.is_dir():
            self.fail(
                f"{path} cannot be written: {folder} is no folder; make it, or name another", param, ctx
            )
        if not path.exists() and not os.access(folder, os.W_OK | os.X_OK):
            self.fail(
                f"{path} cannot be written: no permission for {folder}; name another folder", param, ctx
            )
        return path


OUT = OutFile()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise PathcastError if writing to `path` fails."""
    try:
        yield
    except OSError as error:
        raise PathcastError(f"{path} cannot be written ({error.strerror}): name another place") from error
