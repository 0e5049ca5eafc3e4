"""Search files for what must not be in them, also inside what RocksDB and Parquet compress."""

import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tests import table_files

#: Seconds in which a table file that is being written gets its footer.
PATIENCE = 20.0


def in_files(folder: Path, *texts: str | bytes) -> list[tuple[str, str | bytes]]:
    """Names of files under a folder with the texts they have; one that is deleted meanwhile has none.

    Of a running worker this is what its files hold now: pairs that are not flushed are in no file.
    """
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert paths, f"no file under {folder}"
    return [(path.name, text) for path in paths for text in _found(path, texts)]


def _found(path: Path, texts: tuple[str | bytes, ...]) -> list[str | bytes]:
    try:
        parts = list(_parts(path))
    except FileNotFoundError:
        return []
    sought = {text: text.encode() if isinstance(text, str) else text for text in texts}
    return [text for text, wanted in sought.items() if any(wanted in part for part in parts)]


def _parts(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix == ".parquet":
        yield repr(pl.read_parquet(path).to_dicts()).encode()
    if path.suffix == ".sst":
        entries, blocks = read_table(path)
        yield from blocks.values()
        yield b"\n".join(part for entry in entries for part in (entry.key, entry.value))


def read_table(path: Path) -> table_files.Table:
    """A table file that may still be being written; what stays unreadable is an error, not an empty file."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return table_files.read(path.read_bytes())
        except table_files.UnreadableError as unreadable:
            if time.monotonic() > deadline:
                raise AssertionError(f"{path.name}: {unreadable}") from unreadable
            time.sleep(0.1)
