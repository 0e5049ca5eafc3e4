"""A table of contexts as a matrix: numbers standardised, words as one column each."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Words of a column with a column of their own; the rest share one.
WORDS = 32


class ContextMatrix(NamedTuple):
    """`values` float64 [n, d], finite; `names` of its `d` columns, `COLUMN` or `COLUMN=WORD`."""

    values: NDArray[np.float64]
    names: tuple[str, ...]


def encode(context: pl.DataFrame, count: int) -> ContextMatrix:
    """Standardise numbers (unknown: the mean, and a column that says so) and spread words over columns.

    `count` is that of the contexts, since a table without columns has no rows.
    """
    named = [pair for column in context.get_columns() for pair in _columns(column)]
    if not named:
        return ContextMatrix(np.zeros((count, 0)), ())
    names, values = zip(*named, strict=True)
    return ContextMatrix(np.column_stack(values), names)


def _columns(column: pl.Series) -> Iterator[tuple[str, NDArray[np.float64]]]:
    return _words(column) if column.dtype == pl.String else _number(column)


def _number(column: pl.Series) -> Iterator[tuple[str, NDArray[np.float64]]]:
    values = column.cast(pl.Float64).fill_nan(None).to_numpy().astype(np.float64)
    known = np.isfinite(values)
    mean = values[known].mean() if known.any() else 0.0
    spread = values[known].std() if known.any() else 0.0
    yield column.name, np.where(known, values - mean, 0.0) / (spread or 1.0)
    if not known.all():
        yield f"{column.name}=unknown", (~known).astype(np.float64)


def _words(column: pl.Series) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The most frequent words in the order of their names; unknown is a word as well."""
    words = column.fill_null("")
    counts = words.value_counts(sort=True)
    kept = sorted(counts[column.name].to_list()[:WORDS])
    for word in kept:
        yield f"{column.name}={word}", (words == word).to_numpy().astype(np.float64)
    rest = ~words.is_in(kept).to_numpy()
    if rest.any():
        yield f"{column.name}=*", rest.astype(np.float64)
