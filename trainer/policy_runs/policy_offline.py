"""A learned policy on logged decisions as workers would serve it, with the floor of exploration."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract.decision_context import Context
from models.errors import PathcastError
from models.policies.learned_policy import LearnedPolicy
from trainer.off_policy.logged_decisions import LoggedDecisions

Floats = NDArray[np.float64]
#: What the rules of exploration read of a context.
_READ: Final = ("purchase_probability", "stage", "cart_value", "event", "click")


class UnfitPolicyError(PathcastError):
    """A policy takes actions that the log does not have."""


class PolicyOffline:
    """Implements `EvaluatedPolicy` for a policy that is bound to an action set; `name` is its version's."""

    def __init__(self, policy: LearnedPolicy, name: str) -> None:
        self.name, self._policy = name, policy

    def probabilities(self, logged: LoggedDecisions) -> Floats:
        """Its distribution over the log's actions, float64 [n, k].

        Raises UnfitPolicyError where it takes an action that the log has nowhere.
        """
        names = self._policy.action_names
        known = {name: at for at, name in enumerate(logged.actions)}
        allowed = np.column_stack(
            [
                logged.mask[:, known[name]] if name in known else np.zeros(len(logged), dtype=np.bool_)
                for name in names
            ]
        )
        table = {column.name: column.to_list() for column in logged.context.get_columns()}
        explorable = self._policy.explorable(_contexts(logged.context))
        shares = self._policy.probabilities(self._policy.encode(table), allowed, explorable)
        found = np.zeros((len(logged), len(logged.actions)))
        for at, name in enumerate(names):
            if name in known:
                found[:, known[name]] = shares[:, at]
        if not np.allclose(found.sum(axis=1), 1.0, atol=1e-9):
            raise UnfitPolicyError(
                f"{self.name} takes actions that the log does not have; it has {', '.join(logged.actions)}: "
                "judge it once decisions of the present actions are logged"
            )
        return found


def _contexts(table: pl.DataFrame) -> list[Context]:
    """The part of live contexts that says where exploration may go."""
    rows = table.select(_READ).iter_rows()
    return [
        Context(probability, stage, round(1000 * (value or 0.0)), event, int(click), 1)
        for probability, stage, value, event, click in rows
    ]
