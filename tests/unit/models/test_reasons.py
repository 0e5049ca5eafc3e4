"""Reasons of decisions agree with the policy itself, whatever the context."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.commands.decisions import ACTIONS_FILE
from models.actions import ActionSet
from models.events import EVENTS
from models.policy import ONE, Context, Policy, draw_of
from models.reasons import CONSTRAINT, EXPLORATION, NO_RULE, RULE, explain_decision

POLICY = Policy(ActionSet.load(ACTIONS_FILE.read_bytes()))
ACTIONS = POLICY.actions
FULL = ACTIONS.all_bits
CART = Context(0.2, "cart", 60_000, "add_to_cart", 3, FULL)


def bit(name: str) -> int:
    return 1 << ACTIONS.names.index(name)


def draw_for(context: Context, name: str) -> int:
    """A draw that chooses the action."""
    chances = POLICY.decide(context, 0).probabilities
    before = sum(chances[one] for one in ACTIONS.names[: ACTIONS.names.index(name)])
    return int((before + chances[name] / 2) * ONE)


def test_a_rule_is_told_with_its_conditions():
    told = explain_decision(POLICY, CART, draw_for(CART, "coupon_10_percent"))
    assert (told.cause, told.preferred, told.masked, told.lost) == (RULE, "coupon_10_percent", [], {})
    assert told.text == (
        "coupon_10_percent by its rule (stage cart, it is cart, probability from 0.05, it is 0.2, "
        "probability below 0.4, it is 0.2, cart from 50, it is 60)"
    )
    assert (told.low, told.high) == (0.05, 0.4)


def test_a_cap_that_bound_is_named():
    context = msgspec.structs.replace(CART, mask=FULL & ~bit("coupon_10_percent"))
    told = explain_decision(POLICY, context, draw_for(context, "free_shipping"))
    assert (told.cause, told.preferred) == (CONSTRAINT, "free_shipping")
    assert told.masked == ["coupon_10_percent"]
    assert told.lost == {"coupon_10_percent": "not allowed now"}
    assert told.text == "free_shipping, since coupon_10_percent may not be offered now"


def test_a_bound_that_failed_is_named():
    context = msgspec.structs.replace(CART, cart_milli=20_000)
    told = explain_decision(POLICY, context, draw_for(context, "free_shipping"))
    assert told.lost == {"coupon_10_percent": "needs cart from 50, it is 20"}
    assert told.text.endswith("; coupon_10_percent: needs cart from 50, it is 20")


def test_exploration_and_nothing():
    told = explain_decision(POLICY, CART, draw_for(CART, "nudge_checkout"))
    assert told.cause == EXPLORATION
    assert (
        "nudge_checkout by exploration (propensity 0.0143); the rules prefer coupon_10_percent" in told.text
    )
    nothing = Context(0.5, "browsing", 0, "login", 1, FULL)
    told = explain_decision(POLICY, nothing, draw_for(nothing, "nothing"))
    assert (told.cause, told.preferred) == (NO_RULE, "nothing")
    assert len(told.lost) == len(ACTIONS.names) - 1
    refused = msgspec.structs.replace(nothing, mask=bit("nothing"))
    assert explain_decision(POLICY, refused, 5).masked == list(ACTIONS.names[1:])


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
    told, decision = explain_decision(POLICY, context, draw), POLICY.decide(context, draw)
    assert told.preferred == decision.preferred
    assert (told.cause == EXPLORATION) == decision.explored
    assert told.low <= probability <= told.high
    for inside in (told.low, (told.low + told.high) / 2):
        moved = msgspec.structs.replace(context, purchase_probability=inside)
        assert POLICY.decide(moved, draw).preferred == told.preferred
    for outside in (told.low - 1e-9, told.high):
        if 0 < outside < 1:
            moved = msgspec.structs.replace(context, purchase_probability=outside)
            assert POLICY.decide(moved, draw).preferred != told.preferred
    held_back = [name for name, why in told.lost.items() if why == "not allowed now"]
    freed = msgspec.structs.replace(context, mask=FULL)
    assert bool(held_back) == (POLICY.decide(freed, draw).preferred != told.preferred)


def test_a_mask_of_other_actions_is_refused():
    with pytest.raises(ValueError, match="expected to hold"):
        explain_decision(POLICY, msgspec.structs.replace(CART, mask=1 << 40), 0)
