"""Why a decision fell as it did, from nothing but its own record: rule, exploration, constraint, and bounds.

What a published decision holds (`predictions.AdDecision`: context, mask, draw) is all that went into it, so
its reasons are exact; nothing is estimated.
"""

from typing import Final

import msgspec

from models.actions import ActionSet
from models.actions_file import When
from models.explanations import DecisionExplanation
from models.policy import Context, Decision, Policy

RULE, NO_RULE, EXPLORATION, CONSTRAINT = "rule", "no rule", "exploration", "constraint"
_CAUSES: Final = {
    RULE: "{action} by its rule ({conditions})",
    NO_RULE: "{action}: no allowed action's rule holds",
    EXPLORATION: "{action} by exploration (propensity {propensity:.3g}); the rules prefer {preferred}",
    CONSTRAINT: "{action}, since {masked} may not be offered now",
}


def explain_decision(policy: Policy, context: Context, draw: int) -> DecisionExplanation:
    """The reasons of the decision for `context` and `draw`. Raises ValueError for a mask of others."""
    actions, decision = policy.actions, policy.decide(context, draw)
    position = actions.names.index(decision.preferred)
    lost = _lost(actions, context, position)
    masked = [name for bit, name in enumerate(actions.names) if not context.mask >> bit & 1]
    low, high = _bounds(policy, context, draw)
    conditions = [said for said, holds in _checks(actions.actions[position].when, context) if holds]
    cause = _cause(actions, decision, lost)
    held_back = [name for name, why in lost.items() if why == "not allowed now"]
    text = _CAUSES[cause].format(
        action=decision.action,
        conditions=", ".join(conditions) or "it has no condition",
        propensity=decision.propensity,
        preferred=decision.preferred,
        masked=" and ".join(held_back),
    )
    text += "".join(f"; {name}: {why}" for name, why in lost.items() if name not in held_back)
    return DecisionExplanation(
        text=text,
        cause=cause,
        preferred=decision.preferred,
        conditions=conditions,
        masked=masked,
        lost=lost,
        low=low,
        high=high,
    )


def _cause(actions: ActionSet, decision: Decision, lost: dict[str, str]) -> str:
    if decision.explored:
        return EXPLORATION
    if "not allowed now" in lost.values():
        return CONSTRAINT
    return NO_RULE if decision.position == actions.none else RULE


def _lost(actions: ActionSet, context: Context, preferred: int) -> dict[str, str]:
    """Actions that would have come before the preferred one, with the first thing that each failed."""
    found = {}
    for position, action in enumerate(actions.actions):
        if position in (preferred, actions.none) or not _before(actions, position, preferred):
            continue
        failed = [said for said, holds in _checks(action.when, context) if not holds]
        found[action.name] = f"needs {failed[0]}" if failed else "not allowed now"
    return found


def _before(actions: ActionSet, position: int, other: int) -> bool:
    """The heavier rule comes first, the earlier in the file among equals; `none` comes last."""
    if other == actions.none:
        return True
    return (-actions.actions[position].weight, position) < (-actions.actions[other].weight, other)


def _checks(when: When, context: Context) -> list[tuple[str, bool]]:
    """Each condition of a rule in words, with what was found, and whether it holds."""
    probability, cart = context.purchase_probability, context.cart_milli / 1000
    made: list[tuple[str, bool]] = []
    if when.events is not None:
        made.append(
            (f"event {' or '.join(when.events)}, it is {context.event}", context.event in when.events)
        )
    if when.stages is not None:
        made.append(
            (f"stage {' or '.join(when.stages)}, it is {context.stage}", context.stage in when.stages)
        )
    if when.min_probability is not None:
        least = when.min_probability
        made.append((f"probability from {least:g}, it is {probability:g}", probability >= least))
    if when.max_probability is not None:
        most = when.max_probability
        made.append((f"probability below {most:g}, it is {probability:g}", probability < most))
    if when.min_cart_value is not None:
        worth = round(when.min_cart_value * 1000)
        made.append((f"cart from {worth / 1000:g}, it is {cart:g}", context.cart_milli >= worth))
    return made


def _bounds(policy: Policy, context: Context, draw: int) -> tuple[float, float]:
    """The probabilities around the context's between which the rules prefer the same action."""
    rules = [action.when for action in policy.actions.actions]
    edges = {bound for when in rules for bound in (when.min_probability, when.max_probability) if bound}
    cuts = [0.0, *sorted(edge for edge in edges if 0 < edge < 1), 1.0]
    preferred = policy.decide(context, draw).preferred
    alike = [_preferred(policy, context, draw, low) == preferred for low in cuts[:-1]]
    place = max(n for n, low in enumerate(cuts[:-1]) if low <= context.purchase_probability)
    first = last = place
    while first > 0 and alike[first - 1]:
        first -= 1
    while last + 1 < len(alike) and alike[last + 1]:
        last += 1
    return cuts[first], cuts[last + 1]


def _preferred(policy: Policy, context: Context, draw: int, probability: float) -> str:
    moved = msgspec.structs.replace(context, purchase_probability=probability)
    return policy.decide(moved, draw).preferred
