"""Win-back: an action for a visitor who stays away, chosen when a sweep finds the visitor lapsing.

The visitor is not on the site, so the shop delivers the offer itself, by mail or message. The decision is
made as all others are, with a propensity, and verified in the same way. It is seeded by the visitor and the
last click: however often sweeps find the visitor in one absence, there is one decision with one id.

Its context: `purchase_probability` is the probability to be lost, `cart_milli` the value of the cart that was
left, `stage` cart where there is one, else browsing, `event` is `lapsing`.
"""

from collections.abc import Mapping
from typing import Any, Final

from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.actions_file import Action, ActionsError, Caps
from models.decisions.decision import decide, draw_of, published, record_fields
from models.decisions.policy import Policy
from models.decisions.policy_kinds import policy_of

EVENT: Final = "lapsing"
#: What only workers can hold, since it needs the visitor's state or a budget's: field and its empty value.
_NEEDS_STATE: Final[dict[str, Any]] = {
    "caps": Caps(),
    "flight": None,
    "budget": None,
    "budget_per_day": None,
    "audience": None,
    "start": None,
    "end": None,
    "do_not_target": [],
}
#: The same of the file as a whole.
_OF_THE_FILE: Final[dict[str, Any]] = {"holdout": None, "do_not_target": ()}


def win_back_policy(text: str) -> Policy:
    """The policy of a win-back file. Raises ActionsError for what a sweep cannot hold."""
    actions = ActionSet.load(text)
    _check("the file", actions, _OF_THE_FILE)
    for action in actions.actions:
        _check(action.name, action, _NEEDS_STATE)
    policy = policy_of(actions)
    if policy.inputs:
        raise ActionsError(
            f"win-back file: policy {policy.name} decides from {policy.inputs[0]} and more, which a visitor "
            "who is away does not have; expected a policy without inputs; name rules"
        )
    return policy


def _check(where: str, entry: Action | ActionSet, held_elsewhere: Mapping[str, Any]) -> None:
    found = [name for name, empty in held_elsewhere.items() if getattr(entry, name, empty) != empty]
    if found:
        raise ActionsError(
            f"win-back file, {where}: found {', '.join(found)}; a visitor gets one offer for each "
            "absence, and a sweep holds no other limit; remove them"
        )


def event_id_of(visitor_id: str, last_ts: int) -> str:
    """The id of a visitor's absence: it begins at the last click."""
    return f"{EVENT}:{visitor_id}:{last_ts}"


def win_back(policy: Policy, visitor_id: str, last_ts: int, lost: float, cart_milli: int) -> dict[str, Any]:
    """The fields of the decision; `lost` is the probability to be lost, `cart_milli` the cart left behind."""
    event_id = event_id_of(visitor_id, last_ts)
    stage, every = ("cart" if cart_milli else "browsing"), policy.actions.all_bits
    context = Context(published(lost), stage, cart_milli, EVENT, 1, every)  # type: ignore[arg-type]
    draw = draw_of(event_id)
    return {
        "event_id": event_id,
        **record_fields(policy, event_id, context, decide(policy, context, draw), draw),
    }
