"""Reasons of decisions agree with the policy itself, whatever the context."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.commands.decisions_command import ACTIONS_FILE
from models.contract.decision_context import Context
from models.contract.events import EVENTS
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE
from models.decisions.decision import decide, draw_of
from models.decisions.rule_reasons import CONSTRAINT, EXPLORATION, NO_RULE, RULE
from models.decisions.rules_policy import RulesPolicy

POLICY = RulesPolicy(ActionSet.load(ACTIONS_FILE.read_bytes()))
ACTIONS = POLICY.actions
FULL = ACTIONS.all_bits
CART = Context(0.2, "cart", 60_000, "add_to_cart", 3, FULL)


def bit(name: str) -> int:
    return 1 << ACTIONS.names.index(name)


def draw_for(context: Context, name: str) -> int:
    """A draw that chooses the action."""
    chances = decide(POLICY, context, 0).probabilities
    before = sum(chances[one] for one in ACTIONS.names[: ACTIONS.names.index(name)])
    return int((before + chances[name] / 2) * ONE)


def test_a_rule_is_told_with_its_conditions():
    told = POLICY.explain(CART, draw_for(CART, "coupon_10_percent"))
    assert (told.cause, told.preferred, told.masked, told.lost) == (RULE, "coupon_10_percent", [], {})
    assert told.text == (
        "Chosen: coupon_10_percent, by its rule: the session's stage is cart (needed: cart); "
        "the purchase probability is 20% (needed: at least 5%); "
        "the purchase probability is 20% (needed: below 40%); the cart is worth 60.00 in the shop's currency "
        "(needed: at least 50.00 in the shop's currency)."
    )
    assert (told.low, told.high) == (0.05, 0.4)


def test_a_cap_that_bound_is_named():
    context = msgspec.structs.replace(CART, mask=FULL & ~bit("coupon_10_percent"))
    told = POLICY.explain(context, draw_for(context, "free_shipping"))
    assert (told.cause, told.preferred) == (CONSTRAINT, "free_shipping")
    assert told.masked == ["coupon_10_percent"]
    reached = (
        "not offered: it has been offered as often as its limits allow "
        "(once a session, once a day, at least 24 hours apart)"
    )
    assert told.lost == {"coupon_10_percent": reached}
    assert told.withheld == {"coupon_10_percent": "cap"}
    assert told.text == (
        f"Chosen: free_shipping, in place of coupon_10_percent. coupon_10_percent was {reached}."
    )


def test_a_risk_above_its_limit_is_named():
    risky = bit("coupon_10_percent") | bit("free_shipping")
    context = msgspec.structs.replace(CART, mask=FULL & ~risky, session_risk=0.97)
    told = POLICY.explain(context, draw_for(context, "ad_accessories"))
    assert (told.cause, told.preferred) == (CONSTRAINT, "ad_accessories")
    assert told.withheld == {"coupon_10_percent": "risk", "free_shipping": "risk"}
    assert told.lost["coupon_10_percent"] == (
        "not offered: the session looks automated (risk 0.97, limit 0.5)"
    )
    assert "free_shipping was not offered: the session looks automated (risk 0.97, limit 0.5)." in told.text


def test_missing_consent_is_named_whatever_the_rules_say():
    for context in (CART, Context(0.5, "browsing", 0, "login", 1, FULL)):
        refused = msgspec.structs.replace(context, mask=bit("nothing"), consent=False)
        told = POLICY.explain(refused, 5)
        assert (told.cause, told.masked) == (CONSTRAINT, list(ACTIONS.names[1:]))
        assert set(told.withheld.values()) == {"consent"}
        assert told.text == (
            "Chosen: nothing, because the visitor has not consented: without consent nothing is offered."
        )


def test_amounts_are_told_in_the_files_currency():
    text = ACTIONS_FILE.read_text().replace('# currency = "EUR"', 'currency = "EUR"')
    policy = RulesPolicy(ActionSet.load(text))
    assert policy.version == POLICY.version
    told = policy.explain(CART, draw_for(CART, "coupon_10_percent"))
    assert "the cart is worth 60.00 EUR (needed: at least 50.00 EUR)" in told.conditions


def test_an_action_that_nothing_recorded_rules_out_is_only_said_not_to_be_allowed():
    text = 'placement = "p"\nepsilon = 0.1\n' + "".join(
        f'[[actions]]\nname = "{name}"\nkind = "{name}"\n' for name in ("ad", "none")
    )
    policy = RulesPolicy(ActionSet.load(text))
    told = policy.explain(msgspec.structs.replace(CART, mask=2), 5)
    assert told.lost == {"ad": "not offered: it was not allowed when the decision was made"}


def test_a_bound_that_failed_is_named():
    context = msgspec.structs.replace(CART, cart_milli=20_000)
    told = POLICY.explain(context, draw_for(context, "free_shipping"))
    failed = "the cart is worth 20.00 in the shop's currency (needed: at least 50.00 in the shop's currency)"
    assert told.lost == {"coupon_10_percent": failed}
    assert told.text.endswith(f" The rule of coupon_10_percent does not hold: {failed}.")


def test_exploration_and_nothing():
    told = POLICY.explain(CART, draw_for(CART, "nudge_checkout"))
    assert told.cause == EXPLORATION
    assert told.text.startswith(
        "Chosen: nudge_checkout, by exploration, to learn what it brings (it had a probability of 2%). "
        "The rules prefer coupon_10_percent."
    )
    nothing = Context(0.5, "browsing", 0, "login", 1, FULL)
    told = POLICY.explain(nothing, draw_for(nothing, "nothing"))
    assert (told.cause, told.preferred) == (NO_RULE, "nothing")
    assert told.text.startswith("Chosen: nothing, because no rule of an allowed action holds. ")
    assert "The rule of ad_bestsellers does not hold: the event is login (needed: view_item or " in told.text
    assert len(told.lost) == len(ACTIONS.names) - 1
    refused = msgspec.structs.replace(nothing, mask=bit("nothing"))
    assert POLICY.explain(refused, 5).masked == list(ACTIONS.names[1:])


@given(
    st.integers(0, 10_000).map(lambda steps: steps / 10_000),
    st.sampled_from(["browsing", "cart", "checkout", "bought"]),
    st.sampled_from([0, 20_000, 80_000]),
    st.sampled_from(EVENTS),
    st.integers(0, FULL),
    st.text(min_size=1, max_size=8),
)
def test_bounds_and_causes_are_the_policys(probability, stage, cart, event, mask, event_id):
    context = Context(probability, stage, cart, event, 1, mask | bit("nothing"))
    draw = draw_of(event_id)
    told, decision = POLICY.explain(context, draw), decide(POLICY, context, draw)
    assert told.preferred == decision.preferred
    assert (told.cause == EXPLORATION) == decision.explored
    assert told.low <= probability <= told.high
    for inside in (told.low, (told.low + told.high) / 2):
        moved = msgspec.structs.replace(context, purchase_probability=inside)
        assert decide(POLICY, moved, draw).preferred == told.preferred
    for outside in (told.low - 1e-9, told.high):
        if 0 < outside < 1:
            moved = msgspec.structs.replace(context, purchase_probability=outside)
            assert decide(POLICY, moved, draw).preferred != told.preferred
    held_back = [name for name, why in told.lost.items() if why.startswith("not offered: ")]
    assert set(held_back) <= set(told.withheld) == set(told.masked)
    freed = msgspec.structs.replace(context, mask=FULL)
    assert bool(held_back) == (decide(POLICY, freed, draw).preferred != told.preferred)


def test_a_mask_of_other_actions_is_refused():
    with pytest.raises(ValueError, match="expected to hold"):
        POLICY.explain(msgspec.structs.replace(CART, mask=1 << 40), 0)
