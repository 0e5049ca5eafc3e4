"""Logged decisions of one action set as columns, and what a policy must offer to be judged on them."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trainer.off_policy.context_matrix import ContextMatrix, encode

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LoggedDecisions:
    """`n` decisions among the `k` actions named `actions`; a reader has checked all values.

    action: positions in `actions`, int64 [n].
    propensity: probability with which the logging policy took the action, float64 [n], in (0, 1].
    reward: what came of it, float64 [n], finite.
    context: `n` rows; Float64 columns are numbers, String columns are words, null where unknown.
    allowed: bool [n, k], the actions that constraints left; None: all.
    probabilities: float64 [n, k], the whole distribution of the logging policy; None: not logged.
    visitor: int64 codes [n]; rows of a visitor are resampled together. None: each row is on its own.
    ts: epoch ms, int64 [n].
    trajectory, step: int64 [n]; decisions of one trajectory follow each other by `step`.
    """

    actions: tuple[str, ...]
    action: NDArray[np.int64]
    propensity: Floats
    reward: Floats
    context: pl.DataFrame
    allowed: NDArray[np.bool_] | None = None
    probabilities: Floats | None = None
    visitor: NDArray[np.int64] | None = None
    ts: NDArray[np.int64] | None = None
    trajectory: NDArray[np.int64] | None = None
    step: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.action)

    @cached_property
    def encoded(self) -> ContextMatrix:
        """The context as a matrix float64 [n, d] with the names of its columns."""
        return encode(self.context, len(self))

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """The allowed actions, bool [n, k], also where the log does not name them."""
        if self.allowed is not None:
            return self.allowed
        return np.ones((len(self), len(self.actions)), dtype=np.bool_)

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "LoggedDecisions":
        """Some of the decisions, by position or by mask, in this order."""
        at = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        parts: dict[str, Any] = {"context": self.context[at] if self.context.width else self.context}
        for column in fields(self):
            values = getattr(self, column.name)
            if isinstance(values, np.ndarray):
                parts[column.name] = values[at]
        return replace(self, **parts)


class EvaluatedPolicy(Protocol):
    """A policy under evaluation."""

    @property
    def name(self) -> str:
        """As reports call it."""
        ...

    def probabilities(self, logged: LoggedDecisions) -> Floats:
        """Its distribution for each logged context, float64 [n, k] in the order of `logged.actions`.

        Rows sum to 1; actions outside `logged.mask` have probability 0.
        """
        ...
