"""Epsilon-greedy decisions over a placement's rules, each with the propensity it was made with.

Order (Pathcast's `docs/decisioning.md`): constraints mask the actions, rules prefer one of those allowed, the
exploration floor is spread evenly over them, and a draw seeded by the event id samples. Logging the exact
propensity is what makes the log usable for off-policy evaluation (Li et al. 2010, *A Contextual-Bandit
Approach to Personalized News Article Recommendation*; Bottou et al. 2013 for the reused draw).

Probabilities are multiples of 2^-53, the draw's own grain: they sum to exactly 1 and a propensity is exactly
the share of draws that choose its action.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec
import xxhash

from models.actions import ActionSet
from models.actions_file import Stage

ONE: Final = 1 << 53
MAX_CACHED: Final = 4096


class Context(msgspec.Struct, frozen=True, gc=False):
    """All that a decision is made from, as published with it; nothing else may enter.

    `purchase_probability` is the published value (see `published`), `cart_milli` the cart's value in
    thousandths of the shop's currency, `click` the 1-based position in the session, `mask` the allowed
    actions as bits by position in the action set.
    """

    purchase_probability: float
    stage: Stage
    cart_milli: int
    event: str
    click: int
    mask: int


class Distribution(NamedTuple):
    """Probabilities by action name (0 where masked) and their running sums in units of 2^-53."""

    probabilities: dict[str, float]
    cumulative: tuple[int, ...]


class Decision(NamedTuple):
    """A sampled action: `preferred` is the rules' choice, `explored` that the draw took another one.

    `would_have` is what the same draw gives with nothing masked. `probabilities` is shared between
    decisions: not to be changed.
    """

    action: str
    position: int
    propensity: float
    probabilities: dict[str, float]
    preferred: str
    would_have: str
    explored: bool


class Rule(NamedTuple):
    """An action's condition, with the event and the stage already taken into account."""

    position: int
    bit: int
    low: float
    high: float
    cart_milli: int


class Policy:
    """Decides for one action set; `version` names everything that a decision depends on."""

    def __init__(self, actions: ActionSet) -> None:
        self.actions = actions
        self.version = actions.version
        self._rules: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._distributions: dict[tuple[int, int], Distribution] = {}

    def decide(self, context: Context, draw: int) -> Decision:
        """The decision for `context`; `draw` is `draw_of(event_id)`, in [0, 2^53)."""
        mask, full = context.mask, self.actions.all_bits
        preferred = self._preferred(context, mask)
        distribution = self._distribution(preferred, mask)
        position = would_have = bisect_right(distribution.cumulative, draw)
        if mask != full:
            unmasked = self._distribution(self._preferred(context, full), full)
            would_have = bisect_right(unmasked.cumulative, draw)
        names = self.actions.names
        action = names[position]
        return Decision(
            action,
            position,
            distribution.probabilities[action],
            distribution.probabilities,
            names[preferred],
            names[would_have],
            position != preferred,
        )

    def fields(self, event_id: str, context: Context, decision: Decision, draw: int) -> dict[str, Any]:
        """The decision as the fields of `predictions.AdDecision` that are its own."""
        return {
            "decision_id": decision_id(event_id, self.actions.placement),
            "placement": self.actions.placement,
            "action": decision.action,
            "propensity": decision.propensity,
            "probabilities": decision.probabilities,
            "context": msgspec.structs.asdict(context),
            "policy_version": self.version,
            "explored": decision.explored,
            "draw": draw / ONE,
            "would_have": decision.would_have,
        }

    def _preferred(self, context: Context, mask: int) -> int:
        key = (context.event, context.stage)
        rules = self._rules.get(key)
        if rules is None:
            rules = self._rules[key] = _rules(self.actions, *key)
        probability, cart = context.purchase_probability, context.cart_milli
        for rule in rules:
            if rule.bit & mask and rule.low <= probability < rule.high and cart >= rule.cart_milli:
                return rule.position
        return self.actions.none

    def _distribution(self, preferred: int, mask: int) -> Distribution:
        key = (preferred, mask)
        found = self._distributions.get(key)
        if found is None:
            if len(self._distributions) >= MAX_CACHED:
                self._distributions.clear()
            found = self._distributions[key] = distribution(self.actions, preferred, mask)
        return found


def distribution(actions: ActionSet, preferred: int, mask: int) -> Distribution:
    """Epsilon spread evenly over the mask's actions, the rest on `preferred`, which must be among them."""
    if not mask >> preferred & 1 or mask & ~actions.all_bits:
        raise ValueError(f"mask {mask:#b} of {actions.all_bits:#b}: expected to hold action {preferred}")
    floor = int(actions.epsilon * ONE) // mask.bit_count()
    units = [floor if mask >> position & 1 else 0 for position in range(len(actions.names))]
    units[preferred] += ONE - sum(units)
    probabilities = {name: unit / ONE for name, unit in zip(actions.names, units, strict=True)}
    return Distribution(probabilities, tuple(accumulate(units)))


def _rules(actions: ActionSet, event: str, stage: str) -> tuple[Rule, ...]:
    """The rules that an event at a stage leaves in play, heaviest first, file order among equals."""
    rules = [
        (-action.weight, Rule(position, 1 << position, *_bounds(actions, position)))
        for position, action in enumerate(actions.actions)
        if position != actions.none
        and (action.when.events is None or event in action.when.events)
        and (action.when.stages is None or stage in action.when.stages)
    ]
    return tuple(rule for _, rule in sorted(rules))


def _bounds(actions: ActionSet, position: int) -> tuple[float, float, int]:
    when = actions.actions[position].when
    high = 2.0 if when.max_probability is None else when.max_probability
    return when.min_probability or 0.0, high, round((when.min_cart_value or 0.0) * 1000)


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
