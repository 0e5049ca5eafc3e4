"""Errors of reading a log, with the file that is broken."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trainer.tables.log_error import LogError


@contextmanager
def reading(files: Sequence[Path]) -> Iterator[None]:
    """Raise LogError for what goes wrong inside."""
    from polars.exceptions import PolarsError  # columns are checked without polars

    try:
        yield
    except (PolarsError, OSError) as error:
        names, told = ", ".join(map(str, files)), " ".join(str(error).split())
        raise LogError(f"{names} cannot be read ({told}): check that it is what its name says") from error
