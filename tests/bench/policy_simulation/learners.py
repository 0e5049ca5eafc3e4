"""Learners of the shows: the project's own kinds of policies, trained on a log."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from models.decisions.actions import ActionSet
from models.policies.action_features import ActionFeatures
from models.policies.learned_policy import LearnedPolicy, load
from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions
from trainer.policies.policy_settings import PolicySettings
from trainer.policies.train_policy import train
from trainer.simulation.step_model import Floats

#: From a log, its actions and a seed to a policy.
Learner = Callable[[LoggedDecisions, ActionSet, int], EvaluatedPolicy]
#: Kinds that learn from one decision at a time.
BANDITS: Final = ("softmax", "uplift", "ucb", "thompson", "mixture")


class Table:
    """Implements `EvaluatedPolicy` for a learned policy, without the floor of exploration."""

    def __init__(self, policy: LearnedPolicy) -> None:
        self.name, self._policy = policy.name, policy

    def probabilities(self, logged: LoggedDecisions) -> Floats:
        """Its distribution for each logged context, [n, k]."""
        table = {column.name: column.to_list() for column in logged.context.get_columns()}
        return self._policy.probabilities(self._policy.encode(table), logged.mask)


def learner(kind: str, **chosen: Any) -> Learner:
    """The learner of a kind, with settings (`PolicySettings`) other than the usual ones."""

    def learn(logged: LoggedDecisions, actions: ActionSet, seed: int) -> EvaluatedPolicy:
        settings = replace(PolicySettings(), seed=seed, **chosen)
        features = [ActionFeatures.of(action) for action in actions.actions]
        return Table(load(train(logged, kind, settings, features)))

    return learn
