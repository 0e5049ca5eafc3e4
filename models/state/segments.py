"""Flat arrays that hold groups of different lengths."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
#: Largest ratio of possible to present keys at which marking is faster than sorting.
SPARSE = 32


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


class Distinct(NamedTuple):
    """`keys` ascending; for each entry the number of its key (`inverse`), for each key its first entry."""

    keys: Ints
    inverse: Ints
    first: Ints

    def sums(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Sum per key of the entries' values, added in the order of entries."""
        totals = np.bincount(self.inverse, values, minlength=len(self.keys))
        return np.asarray(totals, dtype=np.float64)


def distinct(keys: Ints, span: int) -> Distinct:
    """np.unique of keys from 0 to below `span`, with both indices, several times faster.

    Marks every possible key where there are few more of them than keys; else uses an unstable sort.
    """
    return _marked(keys, span) if span <= SPARSE * len(keys) else _sorted(keys)


def _marked(keys: Ints, span: int) -> Distinct:
    first, number = np.full(span, -1, dtype=np.int32), np.empty(span, dtype=np.int32)
    # Of several writes to one place the last one stays.
    first[keys[::-1]] = np.arange(len(keys) - 1, -1, -1, dtype=np.int32)
    found = np.flatnonzero(first >= 0)
    number[found] = np.arange(len(found), dtype=np.int32)
    return Distinct(found, number[keys].astype(np.int64), first[found].astype(np.int64))


def _sorted(keys: Ints) -> Distinct:
    order = np.argsort(keys)
    ordered = keys[order]
    new = np.append(True, ordered[1:] != ordered[:-1])[: len(keys)]
    starts, inverse = np.flatnonzero(new), np.empty(len(keys), dtype=np.int64)
    inverse[order] = np.cumsum(new) - 1
    first = np.minimum.reduceat(order, starts) if len(starts) else starts
    return Distinct(ordered[starts], inverse, first)


def strongest(groups: Ints, weights: NDArray[np.float64], k: int) -> Ints:
    """Entries with the k largest weights of each group, group by group, best first."""
    order = np.argsort(-weights)
    # Sixteen bits are sorted by radix.
    short = groups.astype(np.uint16) if groups.max(initial=0) < 1 << 16 else groups
    order = order[np.argsort(short[order], kind="stable")]
    return order[rank_in_group(groups[order]) < k]
