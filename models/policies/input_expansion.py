"""From a context's columns to the inputs of models: standardised numbers, indicators, one number a word."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel
from models.policies.context_columns import Column, Floats

#: Standard deviations at which a number is clipped, so that no outlier decides alone.
FARTHEST: Final = 5.0
_NUMBER, _NUMBER_OR_MISSING, _WORD = 0, 1, 2


class Expansion:
    """Inputs `[n, width]` of contexts `[n, d]`; the first input is 1."""

    def __init__(self, columns: Sequence[Column]) -> None:
        widths = [column.width for column in columns]
        self.width = 1 + sum(widths)
        self._starts = np.cumsum([1, *widths], dtype=np.int64)
        self._kinds = np.array([_kind(column) for column in columns], dtype=np.int64)
        self._means = np.array([column.mean for column in columns], dtype=np.float64)
        self._scales = np.array([column.scale for column in columns], dtype=np.float64)

    def __call__(self, contexts: Floats) -> Floats:
        """One row for each context; a row depends on no other row."""
        rows = np.zeros((len(contexts), self.width))
        expand(np.ascontiguousarray(contexts), self._starts, self._kinds, self._means, self._scales, rows)
        return rows


def _kind(column: Column) -> int:
    if column.words is not None:
        return _WORD
    return _NUMBER_OR_MISSING if column.missing else _NUMBER


@kernel
def expand(
    contexts: Floats,
    starts: NDArray[np.int64],
    kinds: NDArray[np.int64],
    means: Floats,
    scales: Floats,
    rows: Floats,
) -> None:
    """Into `rows` (zeros) the inputs; a number that is missing is its column's mean, so 0."""
    for row in range(len(contexts)):
        rows[row, 0] = 1.0
        for column in range(len(kinds)):
            value, start = contexts[row, column], starts[column]
            if kinds[column] == _WORD:
                others = starts[column + 1] - start - 1
                known = 0 <= value < others
                rows[row, start + (np.int64(value) if known else others)] = 1.0
            elif np.isfinite(value):
                rows[row, start] = min(max((value - means[column]) / scales[column], -FARTHEST), FARTHEST)
            elif kinds[column] == _NUMBER_OR_MISSING:
                rows[row, start + 1] = 1.0
