"""Flat arrays that hold groups of different lengths."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def rank_in_group(groups: NDArray[np.integer]) -> Ints:
    """Position of each entry within its run of equal values, from 0."""
    if not len(groups):
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))


def expand(starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
    """All positions of the ranges [start, stop), and for each the number of the range it is from."""
    lengths = stops - starts
    source = np.repeat(np.arange(len(starts)), lengths)
    before = np.cumsum(lengths) - lengths
    return source, np.arange(len(source)) - before[source] + starts[source]
