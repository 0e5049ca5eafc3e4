"""What a policy over sequences is worth by its log: fitted Q evaluation while it is trained."""

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trainer.off_policy.fitted_q import SequentialValue
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.off_policy.trajectories import MOST_NUMBERS, STEPS
from trainer.policies.learning_data import LearningData
from trainer.policies.projection import projection

Floats = NDArray[np.float64]

#: Most numbers of a matrix of the evaluation, decisions times coefficients: 160 MB.
_MOST_CELLS: Final = 20_000_000
#: Inputs of a context that are worth a fit; a log with more actions than leave room for them is not judged.
_FEWEST_INPUTS: Final = 2


class SequenceJudge:
    """Values policies on the whole log: its Q function has few coefficients, so it hardly remembers rewards.

    A long log is judged on its newest sequences, and a wide context by its principal axes.
    """

    def __init__(self, data: LearningData, gamma: float) -> None:
        inputs = widest_inputs(data)
        self._rows = _newest(data.decisions, _MOST_CELLS // (len(data.actions) * (1 + inputs + STEPS)))
        narrow = _narrowed(data.inputs[self._rows], inputs)
        context = pl.DataFrame({str(at): narrow[:, at] for at in range(narrow.shape[1])})
        self._value = SequentialValue(replace(data.decisions.rows(self._rows), context=context), gamma)

    def value(self, shares: Floats) -> float:
        """The mean discounted sum of rewards from the first step; `shares` [n, k] are of all decisions.

        NaN where the evaluation diverges.
        """
        return self._value.of(shares[self._rows])


def judge_of(data: LearningData, gamma: float) -> SequenceJudge | None:
    """None for a log without sequences, and for one with too many actions to fit a Q function."""
    if data.decisions.trajectory is None or widest_inputs(data) < _FEWEST_INPUTS:
        return None
    return SequenceJudge(data, gamma)


def widest_inputs(data: LearningData) -> int:
    """Inputs of a context, beside the constant and the steps, that a Q function may have."""
    return min(int(data.inputs.shape[1]) - 1, MOST_NUMBERS // len(data.actions) - 1 - STEPS)


def _narrowed(inputs: Floats, width: int) -> Floats:
    """Inputs without their constant, which the evaluation adds."""
    axes = projection(inputs, width + 1)
    found: Floats = (inputs if axes is None else inputs @ axes)[:, 1:]
    return found


def _newest(decisions: LoggedDecisions, most: int) -> NDArray[np.int64]:
    """Positions of whole sequences, the last ones that together have at most `most` decisions."""
    assert decisions.trajectory is not None
    _, of, counts = np.unique(decisions.trajectory, return_inverse=True, return_counts=True)
    at = np.arange(len(decisions)) if decisions.ts is None else decisions.ts
    first = np.full(len(counts), np.iinfo(np.int64).max)
    np.minimum.at(first, of, at)
    newest = np.argsort(-first, kind="stable")
    kept = np.zeros(len(counts), dtype=np.bool_)
    kept[newest] = np.cumsum(counts[newest]) <= max(most, counts[newest[0]])
    return np.flatnonzero(kept[of])
