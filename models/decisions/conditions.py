"""Conditions of rules and constraints in words, each with the value found and the value needed."""

from typing import Final

from models.contract.decision_context import Context
from models.decisions.actions_file import Action, Caps, When
from models.decisions.units import minutes, money, often, percent
from models.decisions.withholding import AUDIENCE, BUDGET, CAP, CONSENT, DO_NOT_TARGET, FLIGHT, HOLDOUT, RISK

#: Why a constraint that is on the record rules an action out.
_RECORDED: Final = {
    HOLDOUT: "the visitor is in the hold-out group, which is offered nothing",
    DO_NOT_TARGET: "the visitor is not to be targeted with it",
    FLIGHT: "its flight does not run at this time",
    AUDIENCE: "the visitor is not in its audience",
    BUDGET: "nothing is left of what its budget allows by now",
}


def conditions(when: When, context: Context, currency: str) -> list[tuple[str, bool]]:
    """Each condition of a rule in words, and whether it holds; `currency` may be empty."""
    return [*_on_words(when, context), *_on_numbers(when, context, currency)]


def _on_words(when: When, context: Context) -> list[tuple[str, bool]]:
    made = []
    if when.events is not None:
        needed, holds = " or ".join(when.events), context.event in when.events
        made.append((f"the event is {context.event} (needed: {needed})", holds))
    if when.stages is not None:
        needed, holds = " or ".join(when.stages), context.stage in when.stages
        made.append((f"the session's stage is {context.stage} (needed: {needed})", holds))
    return made


def _on_numbers(when: When, context: Context, currency: str) -> list[tuple[str, bool]]:
    probability, made = context.purchase_probability, []
    chance = f"the purchase probability is {percent(probability)}"
    if when.min_probability is not None:
        least = when.min_probability
        made.append((f"{chance} (needed: at least {percent(least)})", probability >= least))
    if when.max_probability is not None:
        most = when.max_probability
        made.append((f"{chance} (needed: below {percent(most)})", probability < most))
    if when.min_cart_value is not None:
        worth = round(when.min_cart_value * 1000)
        cart, needed = (money(amount / 1000, currency) for amount in (context.cart_milli, worth))
        said = f"the cart is worth {cart} (needed: at least {needed})"
        made.append((said, context.cart_milli >= worth))
    return made


def not_offered(reason: str, action: Action, context: Context) -> str:
    """Why a constraint rules an action out: `not offered: the session looks automated (...)`."""
    if reason == CONSENT:
        return "not offered: the visitor has not consented"
    if reason in _RECORDED:
        return f"not offered: {_RECORDED[reason]}"
    if reason == RISK:
        found, limit = context.session_risk, action.risk_limit
        return f"not offered: the session looks automated (risk {found:g}, limit {limit:g})"
    if reason == CAP and action.caps != Caps():
        return f"not offered: it has been offered as often as its limits allow ({_limits(action.caps)})"
    return "not offered: it was not allowed when the decision was made"


def _limits(caps: Caps) -> str:
    said = []
    if caps.per_session is not None:
        said.append(often(caps.per_session, "session"))
    if caps.per_day is not None:
        said.append(often(caps.per_day, "day"))
    if caps.cooldown_minutes is not None:
        said.append(f"at least {minutes(caps.cooldown_minutes)} apart")
    return ", ".join(said)
