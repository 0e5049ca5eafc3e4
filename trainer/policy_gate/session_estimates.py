"""Estimates of a policy's reward of a whole session: weights multiply along the session's decisions.

Doubly robust step by step (Jiang, Li 2016, *Doubly Robust Off-policy Value Evaluation for Reinforcement
Learning*). The model of future rewards is fitted to what the logging policy earned from each decision to the
session's end, cross-fitted; it lowers the variance, and where weights are not cut it cannot bias.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.cross_fitting import cross_fitted
from trainer.off_policy.estimators import Terms
from trainer.off_policy.fixed_policies import LOGGING
from trainer.off_policy.importance_weights import importance_weights
from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Products of weights stop here: beyond, one session would outvote a log.
MOST_WEIGHT: Final = 1_000.0


class SessionEstimates:
    """A log of whole sessions, its decisions in order, with the model of future rewards."""

    def __init__(self, logged: LoggedDecisions, model: str) -> None:
        if logged.trajectory is None or logged.step is None:
            raise ValueError("the log has no trajectories and steps")
        order = np.lexsort((logged.step, logged.trajectory))
        self.rows = logged.rows(order)
        self.session = np.unique(logged.trajectory, return_inverse=True)[1][order].astype(np.int64)
        changes = self.session[1:] != self.session[:-1]
        self._first = np.flatnonzero(np.append(True, changes))
        self._last = np.append(changes, True)
        later = replace(self.rows, reward=self._to_the_end(self.rows.reward))
        self._expected = cross_fitted(later, model).expected

    def terms(self, policy: EvaluatedPolicy) -> Terms:
        """The policy's estimate, one value a session."""
        taken = np.take_along_axis(self._expected, self.rows.action[:, None], axis=1)[:, 0]
        if policy.name == LOGGING:
            single, foreseen = np.ones(len(taken)), taken
        else:
            probabilities = policy.probabilities(self.rows)
            single = importance_weights(self.rows, probabilities)
            foreseen = (probabilities * self._expected).sum(axis=1)
        before = self._before(single)
        weight = np.minimum(before * single, MOST_WEIGHT)
        parts = np.minimum(before, MOST_WEIGHT) * foreseen + weight * (self.rows.reward - taken)
        values = np.bincount(self.session, parts).astype(np.float64)
        return Terms(values, np.ones_like(values), weight[self._last])

    def _before(self, single: Floats) -> Floats:
        """Product of the weights of the session's earlier decisions, [n]; 1 at its first."""
        logs = np.log(np.maximum(single, 1e-300))
        sums = np.cumsum(logs) - logs
        return np.asarray(np.exp(sums - sums[self._first][self.session]))

    def _to_the_end(self, reward: Floats) -> Floats:
        """Sum of the session's rewards from each decision on, [n]."""
        sums = np.cumsum(reward) - reward
        total = np.bincount(self.session, reward)
        return np.asarray(total[self.session] - (sums - sums[self._first][self.session]))
