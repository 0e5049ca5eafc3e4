"""Policies of user guidance: which action suits the state that a session is in.

Three ways to choose among the allowed actions, each a policy of its own name, so that an experiment can
compare them:

- `guidance-rules`: the heaviest action that is meant for the likeliest state (`intents`) and whose rule
  (`when`) holds.
- `guidance-model`: the action with the highest expected value: its values by state (`intent_values`),
  weighted by the states' probabilities, less its cost. `none` where no value is above 0.
- `guidance-hybrid`: rules restrict, the model chooses: the highest expected value among the actions that
  `guidance-rules` could choose.

Exploration is that of the policy `rules`; an action with a cost and no `explore_when` is explored only in the
states that it is meant for.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import Context
from models.contract.explanations import DecisionExplanation
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ActionsError
from models.decisions.exploration import epsilon_greedy
from models.decisions.policy import PolicyChoice
from models.decisions.rule_evaluation import Rule, Rules
from models.guidance.guidance_reasons import explain_guidance
from models.guidance.intents import INPUTS
from models.guidance.state_tables import StateTables

MAX_CACHED: Final = 4096
RULES, MODEL, HYBRID = "guidance-rules", "guidance-model", "guidance-hybrid"


class InPlay(NamedTuple):
    """At an event, stage and state: rules of the actions meant for the state, heaviest first; their positions
    if none has a condition on numbers; the actions open to exploration (bits), and what numbers bar of them
    (`Ruling.barred`).
    """

    rules: tuple[Rule, ...]
    always: list[int] | None
    open_to: int
    barred: Callable[[float, int], int]


class GuidancePolicy:
    """One of the three ways, for one action set. Raises ActionsError where a model has no values."""

    inputs: Final[tuple[str, ...]] = INPUTS

    def __init__(self, actions: ActionSet, name: str) -> None:
        self.actions, self.name = actions, name
        self.version = actions.digest(f"{name}/1")
        self.tables = StateTables(actions)
        if name != RULES and not self.tables.valued:
            raise ActionsError(
                f"policy {name}: no action has `intent_values`; expected some, or it always chooses none; "
                f"give actions their values by state, or use {RULES}"
            )
        self._rules = Rules(actions)
        self._choices: dict[tuple[int, int], PolicyChoice] = {}
        self._known: dict[tuple[str, str, int], InPlay] = {}

    def evaluate(self, contexts: Sequence[Context]) -> list["GuidanceEvaluation"]:
        """The actions to be preferred, best first, and those that may be explored."""
        states, intents = self.tables.read(contexts)
        in_play = [self._in_play(one, state) for one, state in zip(contexts, states, strict=True)]
        orders = self._orders(contexts, in_play, intents)
        return [
            GuidanceEvaluation(self, order, open_to & ~barred(one.purchase_probability, one.cart_milli))
            for one, order, (_, _, open_to, barred) in zip(contexts, orders, in_play, strict=True)
        ]

    def _in_play(self, context: Context, state: int) -> InPlay:
        """What event, stage and state leave in play, cached: there are few different ones."""
        key = (context.event, context.stage, state)
        found = self._known.get(key)
        if found is None:
            ruling, meant = self._rules.at(context.event, context.stage), self.tables.meant[state]
            rules = tuple(rule for rule in ruling.preferring if rule.bit & meant)
            free = all(rule.low <= 0 and rule.high > 1 and rule.cart_milli <= 0 for rule in rules)
            always = [rule.position for rule in rules] if free else None
            found = self._known[key] = InPlay(rules, always, self.tables.explored[state], ruling.barred)
        return found

    def _orders(
        self, contexts: Sequence[Context], in_play: Sequence[InPlay], intents: NDArray[np.float64]
    ) -> list[list[int]]:
        if self.name == MODEL:
            return self.tables.by_value(intents)
        holding = [
            _holding(rules, one) if always is None else always
            for (rules, always, _, _), one in zip(in_play, contexts, strict=True)
        ]
        if self.name == RULES:
            return holding
        return [
            sorted([at for at in found if row[at] > 0], key=row.__getitem__, reverse=True)
            for found, row in zip(holding, self.tables.expected(intents).tolist(), strict=True)
        ]

    def explain(self, context: Context, draw: int) -> DecisionExplanation:
        """State, rule or expected value, exploration or constraint."""
        return explain_guidance(self, context, draw, self.tables, valued=self.name != RULES)

    def choice(self, preferred: int, explorable: int) -> PolicyChoice:
        """`epsilon_greedy`, cached: there are few different ones."""
        found = self._choices.get((preferred, explorable))
        if found is None:
            if len(self._choices) >= MAX_CACHED:
                self._choices.clear()
            distribution = epsilon_greedy(self.actions, preferred, explorable)
            found = self._choices[preferred, explorable] = PolicyChoice(distribution, preferred)
        return found


class GuidanceEvaluation(msgspec.Struct, frozen=True, gc=False):
    """A context's actions by position, best first; `explorable` are those of exploration, as bits."""

    policy: GuidancePolicy
    order: list[int]
    explorable: int

    def choose(self, mask: int) -> PolicyChoice:
        """The best allowed action, over the floor of exploration."""
        for position in self.order:
            if mask >> position & 1:
                return self.policy.choice(position, mask & self.explorable)
        return self.policy.choice(self.policy.actions.none, mask & self.explorable)


def _holding(rules: Sequence[Rule], context: Context) -> list[int]:
    """Positions of the actions whose rule holds, heaviest first."""
    probability, cart = context.purchase_probability, context.cart_milli
    return [
        position for position, _, low, high, least in rules if low <= probability < high and cart >= least
    ]


def versions_of(name: str) -> Callable[[ActionSet], tuple[GuidancePolicy, ...]]:
    """For the table of policies: there has been one algorithm so far."""
    return lambda actions: (GuidancePolicy(actions, name),)


rules, model, hybrid = versions_of(RULES), versions_of(MODEL), versions_of(HYBRID)
