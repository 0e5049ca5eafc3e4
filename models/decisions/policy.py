"""What a policy is: from a context and the features of actions to a distribution over the allowed actions.

A policy never draws and never applies a constraint: `models.decisions.decision` does both, the same way for
every policy. A new policy is one file with a class of this protocol and one line in
`models.decisions.policy_kinds`.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from models.contract.decision_context import Context
from models.contract.explanations import DecisionExplanation
from models.decisions.action_distribution import ActionDistribution
from models.decisions.actions import ActionSet


class PolicyChoice(msgspec.Struct, frozen=True, gc=False):
    """A distribution over allowed actions, and the position of the action that the policy thinks best."""

    distribution: ActionDistribution
    preferred: int


class PolicyEvaluation(Protocol):
    """What a policy makes of one context before its mask is known."""

    def choose(self, mask: int) -> PolicyChoice:
        """The choice among the actions of `mask` (bits by position, `none` always among them).

        Depends on nothing but the context and the mask. Every action outside the mask has probability 0.
        """
        ...


class Policy(Protocol):
    """Decides for one action set.

    A decision must follow from its record alone: `evaluate` may use the context, the action set, and what
    `version` names, and nothing else. Actions enter by their features (`actions.actions`: kind, cost, weight,
    rules), so that a new action needs no new policy.
    """

    @property
    def name(self) -> str:
        """Its entry in `policy_kinds.POLICIES`; on the record of each decision unless it is `rules`."""
        ...

    @property
    def actions(self) -> ActionSet:
        """The action set that it decides for."""
        ...

    @property
    def version(self) -> str:
        """Changes with anything that changes a decision: algorithm, parameters, action set."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of `features.matrix` that it decides from, at most MAX_INPUTS: `Context.vector` has their
        values, in this order. Empty: the record has no vector.
        """
        ...

    def evaluate(self, contexts: Sequence[Context]) -> Sequence[PolicyEvaluation]:
        """One evaluation for each context of a chunk.

        A context's mask is the one that will likely be asked for: `choose` may be prepared for it, and
        answers every mask. The result for a context is the same, bit by bit, whatever other contexts stand
        beside it.
        """
        ...

    def explain(self, context: Context, draw: int) -> DecisionExplanation:
        """The reasons of the decision for `context` and `draw`. Raises ValueError for an impossible mask."""
        ...
