"""Reasons of a decision of the policy `rules`, from its record alone: rule, exploration, constraint, bounds.

A decision depends on nothing but its record (`predictions.AdDecision`: context, mask, draw), so the reasons
are exact, not estimated.
"""

from typing import Final

import msgspec

from models.contract.decision_context import Context
from models.contract.explanations import DecisionExplanation
from models.decisions.actions import ActionSet
from models.decisions.conditions import conditions, not_offered
from models.decisions.decision import Decision, decide
from models.decisions.policy import Policy
from models.decisions.units import percent
from models.decisions.withholding import withheld

RULE, NO_RULE, EXPLORATION, CONSTRAINT = "rule", "no rule", "exploration", "constraint"
_CAUSES: Final = {
    RULE: "Chosen: {action}, by its rule: {conditions}.",
    NO_RULE: "Chosen: {action}, because no rule of an allowed action holds.",
    EXPLORATION: (
        "Chosen: {action}, by exploration, to learn what it brings (it had a probability of {propensity}). "
        "The rules prefer {preferred}."
    ),
    CONSTRAINT: "Chosen: {action}, in place of {held_back}.",
}
REFUSED: Final = (
    "Chosen: {action}, because the visitor has not consented: without consent nothing is offered."
)


def explain_rules(policy: Policy, context: Context, draw: int) -> DecisionExplanation:
    """The reasons of the decision for `context` and `draw`. Raises ValueError for an impossible mask."""
    actions, decision = policy.actions, decide(policy, context, draw)
    position = actions.names.index(decision.preferred)
    masked = {actions.names[at]: reason for at, reason in withheld(actions, context).items()}
    failed, held_back = _lost(actions, context, position, masked)
    low, high = bounds(policy, context, draw)
    when = actions.actions[position].when
    met = [said for said, holds in conditions(when, context, actions.currency) if holds]
    cause = _cause(actions, decision, context, held_back)
    return DecisionExplanation(
        text=_text(cause, decision, context, met, failed, held_back),
        cause=cause,
        preferred=decision.preferred,
        conditions=met,
        masked=list(masked),
        lost=failed | held_back,
        low=low,
        high=high,
        withheld=masked,
    )


def _cause(actions: ActionSet, decision: Decision, context: Context, held_back: dict[str, str]) -> str:
    if decision.explored:
        return EXPLORATION
    if held_back or not context.consent:
        return CONSTRAINT
    return NO_RULE if decision.position == actions.none else RULE


def _text(
    cause: str,
    decision: Decision,
    context: Context,
    met: list[str],
    failed: dict[str, str],
    held_back: dict[str, str],
) -> str:
    if not context.consent:
        return REFUSED.format(action=decision.action)
    text = _CAUSES[cause].format(
        action=decision.action,
        conditions="; ".join(met) or "it has no conditions",
        propensity=percent(decision.propensity),
        preferred=decision.preferred,
        held_back=" and ".join(held_back),
    )
    text += "".join(f" {name} was {why}." for name, why in held_back.items())
    return text + "".join(f" The rule of {name} does not hold: {why}." for name, why in failed.items())


def _lost(
    actions: ActionSet, context: Context, preferred: int, masked: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Why each heavier action was not preferred: its rule does not hold, or it was not offered."""
    failed, held_back = {}, {}
    for position, action in enumerate(actions.actions):
        if position in (preferred, actions.none) or not _before(actions, position, preferred):
            continue
        missed = [said for said, holds in conditions(action.when, context, actions.currency) if not holds]
        if missed:
            failed[action.name] = missed[0]
        else:
            held_back[action.name] = not_offered(masked[action.name], action, context)
    return failed, held_back


def _before(actions: ActionSet, position: int, other: int) -> bool:
    """The heavier rule comes first, the earlier in the file among equals; `none` comes last."""
    if other == actions.none:
        return True
    return (-actions.actions[position].weight, position) < (-actions.actions[other].weight, other)


def bounds(policy: Policy, context: Context, draw: int) -> tuple[float, float]:
    """The interval around the context's purchase probability in which the rules prefer the same action."""
    rules = [action.when for action in policy.actions.actions]
    edges = {bound for when in rules for bound in (when.min_probability, when.max_probability) if bound}
    cuts = [0.0, *sorted(edge for edge in edges if 0 < edge < 1), 1.0]
    preferred = decide(policy, context, draw).preferred
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
    return decide(policy, moved, draw).preferred
