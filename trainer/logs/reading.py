"""Errors of reading a log, with the file and line that is broken."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from models.errors import PathcastError

JSON_LINES = frozenset({".jsonl", ".ndjson", ".json"})


class LogError(PathcastError):
    """An event log cannot be read, or its columns cannot be mapped to the contract's fields."""


def kind(path: Path) -> str:
    """The suffix of the file's format: ".csv" for "clicks.csv.gz"; "" if it has none."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return suffixes[-1].lower() if suffixes else ""


@contextmanager
def reading(files: Sequence[Path]) -> Iterator[None]:
    """Raise LogError for what goes wrong inside, with the first broken line of files of JSON lines."""
    from polars.exceptions import PolarsError  # columns are checked without polars

    try:
        yield
    except (PolarsError, OSError) as error:
        names = ", ".join(map(str, files))
        places = [place for path in files if kind(path) in JSON_LINES for place in _broken(path)]
        found = f"{error}; {'; '.join(places)}" if places else str(error)
        raise LogError(f"{names} cannot be read ({found}): check that it is what its name says") from error


def _broken(path: Path) -> Iterator[str]:
    """The first line that is no JSON object."""
    if not path.is_file():
        return
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip() and not _is_object(line):
                yield f"line {number:,} of {path.name} is no JSON object: {line[:60].strip()!r}"
                return


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except msgspec.DecodeError:
        return False
