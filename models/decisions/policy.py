"""Epsilon-greedy decisions over a placement's rules, each with the propensity it was made with.

Order (Pathcast's `docs/decisioning.md`): constraints mask the actions, rules prefer one of those allowed, the
exploration floor is spread over those that may be explored in the context, and a draw seeded by the event id
samples. Logging the exact propensity is what makes the log usable for off-policy evaluation (Li et al. 2010,
*A Contextual-Bandit Approach to Personalized News Article Recommendation*; Bottou et al. 2013 for the reused
draw).

Probabilities are multiples of 2^-53, the draw's own grain: they sum to exactly 1 and a propensity is exactly
the share of draws that choose its action.
"""

from bisect import bisect_right
from typing import Any, Final, NamedTuple

import msgspec
import xxhash

from models.contract.decision_context import Context, Stage
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE
from models.decisions.exploration import Distribution, distribution
from models.decisions.rule_evaluation import Rules

__all__ = ["MAX_CACHED", "ONE", "Context", "Decision", "Policy", "distribution"]

MAX_CACHED: Final = 4096


class Decision(NamedTuple):
    """A sampled action: `preferred` is the rules' choice, `explored` that the draw took another one.

    `would_have` is what the same draw gives with nothing masked. `probabilities` is shared between
    decisions: not to be changed. `explorable` are the allowed actions that exploration could choose, as bits:
    with `preferred` they determine `probabilities`.
    """

    action: str
    position: int
    propensity: float
    probabilities: dict[str, float]
    preferred: str
    would_have: str
    explored: bool
    explorable: int


class Policy:
    """Decides for one action set; `version` names everything that a decision depends on."""

    def __init__(self, actions: ActionSet) -> None:
        self.actions = actions
        self.version = actions.version
        self._rules = Rules(actions)
        self._none = 1 << actions.none
        self._distributions: dict[tuple[int, int], Distribution] = {}

    def decide(self, context: Context, draw: int) -> Decision:
        """The decision for `context`; `draw` is `draw_of(event_id)`, in [0, 2^53).

        Raises ValueError for a mask of other actions.
        """
        mask, full, names = context.mask, self.actions.all_bits, self.actions.names
        if mask & ~full or not mask & self._none:
            expected = f"expected to hold action {self.actions.none} and none beyond {full:#b}"
            raise ValueError(f"mask {mask:#b}: {expected}")
        probability, cart = context.purchase_probability, context.cart_milli
        rules = self._rules.at(context.event, context.stage)
        explorable = full & ~rules.barred(probability, cart)
        preferred = rules.preferred(probability, cart, mask)
        made = self._distribution(preferred, mask & explorable)
        position = would_have = bisect_right(made.cumulative, draw)
        if mask != full:
            unmasked = self._distribution(rules.preferred(probability, cart, full), explorable)
            would_have = bisect_right(unmasked.cumulative, draw)
        return Decision(
            names[position],
            position,
            made.probabilities[names[position]],
            made.probabilities,
            names[preferred],
            names[would_have],
            position != preferred,
            mask & explorable,
        )

    def fields(self, event_id: str, context: Context, decision: Decision, draw: int) -> dict[str, Any]:
        """The decision as the fields of `predictions.AdDecision` that are its own."""
        return {
            "decision_id": decision_id(event_id, self.actions.placement),
            "placement": self.actions.placement,
            "action": decision.action,
            "propensity": decision.propensity,
            "probabilities": decision.probabilities,
            "context": msgspec.to_builtins(context),
            "policy_version": self.version,
            "explored": decision.explored,
            "draw": draw / ONE,
            "would_have": decision.would_have,
        }

    def _distribution(self, preferred: int, explorable: int) -> Distribution:
        key = (preferred, explorable)
        found = self._distributions.get(key)
        if found is None:
            if len(self._distributions) >= MAX_CACHED:
                self._distributions.clear()
            found = self._distributions[key] = distribution(self.actions, preferred, explorable)
        return found


def draw_of(event_id: str) -> int:
    """The upper 53 bits of the event id's xxh3-64 (UTF-8, seed 0): uniform, and the same on every worker."""
    return xxhash.xxh3_64_intdigest(event_id.encode()) >> 11


def published(probability: float) -> float:
    """The purchase probability as it is published and decided from: four decimals, exact in JSON."""
    return round(probability, 4)


def decision_id(event_id: str, placement: str) -> str:
    """Unique because event ids are, and known to anyone who knows the click."""
    return f"{event_id}:{placement}"


def stage_of(cart_items: int, checkouts: int, purchases: int) -> Stage:
    """How far the session has come: the furthest step on the way that it has taken."""
    if purchases:
        return "bought"
    if checkouts:
        return "checkout"
    return "cart" if cart_items else "browsing"
