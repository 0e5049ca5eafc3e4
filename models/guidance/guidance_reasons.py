"""Reasons of a guidance decision in words, from its record alone."""

from models.contract.decision_context import Context
from models.contract.explanations import DecisionExplanation
from models.contract.head_table import STATES
from models.decisions.conditions import conditions, not_offered
from models.decisions.decision import Decision, decide
from models.decisions.policy import Policy
from models.decisions.rule_reasons import CONSTRAINT, EXPLORATION, NO_RULE, REFUSED, RULE, bounds
from models.decisions.units import money, percent
from models.decisions.withholding import withheld
from models.guidance.state_tables import StateTables


def explain_guidance(
    policy: Policy, context: Context, draw: int, tables: StateTables, valued: bool
) -> DecisionExplanation:
    """The reasons of the decision for `context` and `draw`; `valued`: expected values chose.

    Raises ValueError for an impossible mask.
    """
    actions, decision = policy.actions, decide(policy, context, draw)
    position = actions.names.index(decision.preferred)
    masked = {actions.names[at]: reason for at, reason in withheld(actions, context).items()}
    wanted = policy.evaluate([context])[0].choose(actions.all_bits).preferred
    lost = {}
    if wanted != position:
        name = actions.names[wanted]
        lost[name] = not_offered(masked.get(name, ""), actions.actions[wanted], context)
    state = _state(context, tables)
    when = actions.actions[position].when
    met = [state, *(said for said, holds in conditions(when, context, actions.currency) if holds)]
    value = _value(context, tables, position, actions.currency) if valued else ""
    low, high = bounds(policy, context, draw)
    cause = _cause(decision, context, lost, position == actions.none)
    return DecisionExplanation(
        text=_text(cause, decision, context, state, value, lost),
        cause=cause,
        preferred=decision.preferred,
        conditions=met,
        masked=list(masked),
        lost=lost,
        low=low,
        high=high,
        withheld=masked,
    )


def _cause(decision: Decision, context: Context, lost: dict[str, str], nothing: bool) -> str:
    if decision.explored:
        return EXPLORATION
    if lost or not context.consent:
        return CONSTRAINT
    return NO_RULE if nothing else RULE


def _state(context: Context, tables: StateTables) -> str:
    states, intents = tables.read([context])
    chance = float(intents[0, states[0]])
    return f"the session is most likely in the state {STATES[states[0]]} ({percent(chance)})"


def _value(context: Context, tables: StateTables, position: int, currency: str) -> str:
    _, intents = tables.read([context])
    amount = round(float(tables.expected(intents)[0, position]), 3)
    return f" Its expected value, less its cost, is {money(amount, currency)}."


def _text(
    cause: str, decision: Decision, context: Context, state: str, value: str, lost: dict[str, str]
) -> str:
    if not context.consent:
        return REFUSED.format(action=decision.action)
    if cause == EXPLORATION:
        return (
            f"Chosen: {decision.action}, by exploration, to learn what it brings (it had a probability of "
            f"{percent(decision.propensity)}). Guidance prefers {decision.preferred}: {state}."
        )
    told = f"Chosen: {decision.action}: {state}."
    if cause == NO_RULE:
        return f"{told} No allowed action suits it."
    return told + value + "".join(f" {name} was {why}." for name, why in lost.items())
