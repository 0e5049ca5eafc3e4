"""What a kind of learned policy is: scores of actions from a context, and shares of the allowed ones."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.decisions.actions import ActionSet
from models.policies.context_columns import Column

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Tensors = Mapping[str, NDArray[Any]]
Settings = Mapping[str, float]


class PolicyHeadInputs(NamedTuple):
    """What a head is made from: `actions` are rows of features `[k, q]`, `width` counts a context's inputs.

    `new` [k] are the actions that the training did not have.

    `none` is the position of the action that does nothing, -1 where there is none.
    """

    settings: Settings
    tensors: Tensors
    actions: Floats
    new: Bools
    columns: tuple[Column, ...]
    width: int
    none: int
    action_set: ActionSet | None


class PolicyHead(Protocol):
    """One kind of policy for one set of k actions; every row of a result depends on its own row alone."""

    def scores(self, contexts: Floats, inputs: Floats) -> Floats:
        """Scores `[n, w]` from contexts `[n, d]` and their inputs `[n, p]`, before any mask."""
        ...

    def shares(self, scores: Floats, allowed: Bools) -> Floats:
        """Shares `[n, k]` of the allowed actions; each row with an allowed action sums to 1."""
        ...

    def add_row(self, scores: Floats, row: int, mask: int, weight: float, out: Floats) -> None:
        """Add to `out` [k] `weight` times the shares of one row of scores, for one mask (bits).

        Bit by bit what `shares` gives, without the cost of arrays for one row.
        """
        ...


MakePolicyHead = Callable[[PolicyHeadInputs], PolicyHead]
