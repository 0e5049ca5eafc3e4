"""How strongly weights are clipped, switched off or shrunk: chosen by the data that is evaluated."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Candidate(NamedTuple):
    """One strength: what each decision adds to its estimate, and what it leaves out of the unbiased one."""

    values: Floats
    left_out: Floats


def by_estimated_error(candidates: Sequence[Candidate]) -> int:
    """The position of the least estimate of the mean squared error: variance + bias^2.

    As Su, Dimakopoulou, Krishnamurthy, Dudik (2020) choose shrinkage, with the direct estimate of the bias:
    the mean of what is left out. Its square is too large by its own variance, which is taken off. Of equals
    the last is taken.
    """
    errors = [_error(one) for one in candidates]
    return len(errors) - 1 - int(np.argmin(errors[::-1]))


def _error(candidate: Candidate) -> float:
    count, left_out = len(candidate.values), candidate.left_out
    squared_bias = float(left_out.mean()) ** 2 - float(left_out.var()) / count
    return float(candidate.values.var()) / count + max(squared_bias, 0.0)
