"""What estimators read of a policy on a log: weights, rewards, and what a reward model expects."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.errors import PathcastError
from trainer.off_policy.estimators import Evidence
from trainer.off_policy.fixed_policies import LOGGING
from trainer.off_policy.importance_weights import importance_weights
from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions

Floats = NDArray[np.float64]
#: Probabilities may sum to 1 but for this.
_ROUNDING = 1e-6


class PolicyError(PathcastError):
    """A policy cannot be evaluated on a log."""


def probabilities_of(policy: EvaluatedPolicy, logged: LoggedDecisions) -> Floats:
    """Its distribution for each decision, float64 [n, k]. Raises PolicyError where it is none."""
    found = policy.probabilities(logged)
    if found.shape != (len(logged), len(logged.actions)):
        raise PolicyError(
            f"the policy {policy.name} gave probabilities of the shape {found.shape}; expected "
            f"{(len(logged), len(logged.actions))}: one for each decision and action"
        )
    sums = found.sum(axis=1)
    outside = (found > 0) & ~logged.mask
    wrong = ~(np.abs(sums - 1) <= _ROUNDING) | ((found < 0) | outside).any(axis=1)
    if wrong.any():
        at = int(wrong.argmax())
        raise PolicyError(
            f"the policy {policy.name} gave decision {at + 1} probabilities {found[at].round(4).tolist()} "
            f"for {list(logged.actions)}; expected numbers from 0 to 1 that sum to 1, and 0 for actions that "
            "constraints left out: correct the policy"
        )
    return found


def evidence(
    policy: EvaluatedPolicy, logged: LoggedDecisions, probabilities: Floats, expected: Floats
) -> Evidence:
    """`expected` float64 [n, k] is the mean reward of each action by a reward model."""
    taken = np.take_along_axis(expected, logged.action[:, None], axis=1)[:, 0]
    if policy.name == LOGGING:
        return Evidence(np.ones(len(logged)), logged.reward, taken, taken)
    of_policy = (probabilities * expected).sum(axis=1)
    return Evidence(importance_weights(logged, probabilities), logged.reward, taken, of_policy)


def with_actions(logged: LoggedDecisions, names: Sequence[str]) -> LoggedDecisions:
    """The log with further actions that it has nowhere; where `allowed` is logged, they are not allowed."""
    more = tuple(name for name in dict.fromkeys(names) if name not in logged.actions)
    if not more:
        return logged
    beside = np.zeros((len(logged), len(more)))
    chances = None if logged.probabilities is None else np.hstack([logged.probabilities, beside])
    allowed = None if logged.allowed is None else np.hstack([logged.allowed, beside.astype(np.bool_)])
    return replace(logged, actions=(*logged.actions, *more), probabilities=chances, allowed=allowed)
