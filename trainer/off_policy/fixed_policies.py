"""Policies that need no training: the logging one, an even one, one that always takes an action."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.logged_decisions import LoggedDecisions

Floats = NDArray[np.float64]
LOGGING: Final = "logging"
UNIFORM: Final = "uniform"
_NONE = "none"


class Logging:
    """The policy that wrote the log.

    Its value is the mean reward, whatever the estimator: all weights are 1, and what the reward model expects
    of the logged action stands for what it expects of the policy.
    """

    name = LOGGING

    def probabilities(self, logged: LoggedDecisions) -> Floats:
        """The logged probabilities; without them the logged action alone, which is a draw of the policy."""
        if logged.probabilities is not None:
            return logged.probabilities
        return _only(logged, logged.action)


class Uniform:
    """Every allowed action alike."""

    name = UNIFORM

    def probabilities(self, logged: LoggedDecisions) -> Floats:
        """See `EvaluatedPolicy`."""
        mask = logged.mask.astype(np.float64)
        even: Floats = mask / mask.sum(axis=1, keepdims=True)
        return even


@dataclass(frozen=True)
class Always:
    """Takes `name` wherever it is allowed; elsewhere `none`, or every allowed action alike without `none`."""

    name: str

    def probabilities(self, logged: LoggedDecisions) -> Floats:
        """See `EvaluatedPolicy`."""
        found = Uniform().probabilities(logged)
        for name in (_NONE, self.name):
            if name in logged.actions:
                at = logged.actions.index(name)
                rows = logged.mask[:, at]
                found[rows] = 0.0
                found[rows, at] = 1.0
        return found


def _only(logged: LoggedDecisions, action: NDArray[np.int64]) -> Floats:
    found = np.zeros((len(logged), len(logged.actions)))
    found[np.arange(len(logged)), action] = 1.0
    return found
