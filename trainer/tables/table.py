"""A file as a table: one row for each of its rows, also for those that cannot be read."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

#: Columns beside the file's own: the line or row (from 1), and the text of a line that has no reading.
LINE, BROKEN = "_line", "_broken"


class FileTable(NamedTuple):
    """`frame` has the columns `names`, LINE and BROKEN; text stays text.

    `found` says what was detected, a phrase each. `nested` columns hold objects or lists.
    """

    frame: pl.LazyFrame
    names: Sequence[str]
    found: tuple[str, ...]
    fingerprint: str
    nested: frozenset[str] = frozenset()
