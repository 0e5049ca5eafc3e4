"""The policy `rules`: epsilon-greedy over the rules of the actions file.

The heaviest action whose rule holds is preferred; the exploration floor is spread over those that may be
explored in the context.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from models.contract.decision_context import Context, inputs_mark
from models.contract.explanations import DecisionExplanation
from models.decisions.actions import ActionSet
from models.decisions.actions_file import DEFAULT_POLICY, When
from models.decisions.exploration import epsilon_greedy
from models.decisions.policy import PolicyChoice
from models.decisions.rule_evaluation import Rules, Ruling
from models.decisions.rule_reasons import explain_rules

#: Part of a policy's version. `epsilon-greedy/1` explored every allowed action everywhere and had no risk
#: limits; its decisions are still verified (`earlier`).
ALGORITHM: Final = "epsilon-greedy/2"
EARLIER: Final = "epsilon-greedy/1"
MAX_CACHED: Final = 4096


class RulesPolicy:
    """The rules of one action set, as `algorithm` reads them."""

    name: Final = DEFAULT_POLICY

    def __init__(self, actions: ActionSet, algorithm: str = ALGORITHM) -> None:
        self.actions = actions
        #: Recorded for learned policies; no rule reads them.
        self.inputs = actions.inputs
        self.version = actions.digest(algorithm) + inputs_mark(self.inputs)
        self._rules = Rules(actions)
        self._choices: dict[tuple[int, int], PolicyChoice] = {}

    def evaluate(self, contexts: Sequence[Context]) -> list["RulesEvaluation"]:
        """Which rules are in play, and which actions may be explored."""
        at, every, found = self._rules.at, self.actions.all_bits, []
        for context in contexts:
            probability, cart = context.purchase_probability, context.cart_milli
            ruling = at(context.event, context.stage)
            explorable = every & ~ruling.barred(probability, cart)
            found.append(RulesEvaluation(self, ruling, probability, cart, explorable))
        return found

    def explain(self, context: Context, draw: int) -> DecisionExplanation:
        """Rule, exploration or constraint, and the interval of probabilities with the same preference."""
        return explain_rules(self, context, draw)

    def choice(self, preferred: int, explorable: int) -> PolicyChoice:
        """`epsilon_greedy`, cached: there are few different ones."""
        key = (preferred, explorable)
        found = self._choices.get(key)
        if found is None:
            if len(self._choices) >= MAX_CACHED:
                self._choices.clear()
            distribution = epsilon_greedy(self.actions, preferred, explorable)
            found = self._choices[key] = PolicyChoice(distribution, preferred)
        return found


class RulesEvaluation(msgspec.Struct, frozen=True, gc=False):
    """A context's rules and numbers; `explorable` are the actions that exploration may choose, as bits."""

    policy: RulesPolicy
    ruling: Ruling
    probability: float
    cart_milli: int
    explorable: int

    def choose(self, mask: int) -> PolicyChoice:
        """The heaviest rule of the mask that holds, over the floor of exploration."""
        preferred = self.ruling.preferred(self.probability, self.cart_milli, mask)
        return self.policy.choice(preferred, mask & self.explorable)


def earlier(actions: ActionSet) -> RulesPolicy:
    """The policy of the earlier algorithm with the same file, to verify its decisions."""
    as_read = msgspec.structs.replace(
        actions,
        shares=(None,) * len(actions.names),
        explored=(When(),) * len(actions.names),
        risk_limits=(),
    )
    return RulesPolicy(as_read, EARLIER)


def versions(actions: ActionSet) -> tuple[RulesPolicy, ...]:
    """The current algorithm and the earlier one."""
    return RulesPolicy(actions), earlier(actions)
