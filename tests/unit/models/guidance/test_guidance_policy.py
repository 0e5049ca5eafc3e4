"""Guidance: what each of the three ways prefers in which state, and that they behave as policies must."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.decision_context import Context
from models.contract.head_table import STATES
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE, ActionsError
from models.decisions.decision import decide, draw_of, published, record_fields
from models.decisions.policy import Policy
from models.decisions.policy_kinds import policy_of
from models.decisions.verify import verify
from models.guidance.guidance_policy import HYBRID, MODEL, RULES
from models.guidance.intents import INPUTS, known_intents, published_intents

TEXT = (Path(__file__).parents[4] / "docs/examples/guidance.toml").read_text()
KINDS = (RULES, MODEL, HYBRID)


def guidance(kind: str, text: str = TEXT) -> Policy:
    return policy_of(ActionSet.load(text.replace(f'policy = "{HYBRID}"', f'policy = "{kind}"')))


ACTIONS = guidance(RULES).actions
FULL, NOTHING = ACTIONS.all_bits, 1 << ACTIONS.none


def bit(name: str) -> int:
    return 1 << ACTIONS.names.index(name)


def intents(**chances: float) -> list[float]:
    return [chances.get(state, 0.0) for state in STATES]


def context(probability: float = 0.2, cart: int = 60_000, mask: int = FULL, **chances: float) -> Context:
    return Context(
        probability, "cart", cart, "add_to_cart", 3, mask, vector=intents(**(chances or {"hesitating": 1.0}))
    )


def preferred(kind: str, asked: Context) -> str:
    return decide(guidance(kind), asked, 0).preferred


CHANCES = st.lists(st.integers(0, 100), min_size=7, max_size=7).map(
    lambda parts: [round(part / max(1, sum(parts)), 4) for part in parts]
)
CONTEXTS = st.builds(
    Context,
    st.floats(0, 1).map(published),
    st.sampled_from(["browsing", "cart", "checkout", "bought"]),
    st.integers(0, 10**6),
    st.sampled_from(["view_item", "search", "add_to_cart", "purchase"]),
    st.integers(1, 100),
    st.integers(0, FULL).map(lambda bits: bits | NOTHING),
    st.none() | st.floats(0, 1).map(published),
    st.just(True),
    CHANCES,
)
KIND = st.sampled_from(KINDS)


@given(KIND, CONTEXTS, st.integers(0, ONE - 1))
def test_masks_bind_probabilities_are_exact_and_records_verify(kind: str, asked: Context, draw: int) -> None:
    policy = guidance(kind)
    asked = msgspec.structs.replace(
        asked, mask=asked.mask & ~policy.actions.too_risky(asked.session_risk) | NOTHING
    )
    decision = decide(policy, asked, draw)
    assert asked.mask >> decision.position & 1
    assert sum(decision.probabilities.values()) == 1.0
    event = "event-1"
    made = decide(policy, asked, draw_of(event))
    record = {"event_id": event, **record_fields(policy, event, asked, made, draw_of(event))}
    assert record["policy"] == kind
    assert verify(record, policy.actions) == []
    told = policy.explain(asked, draw)
    assert told.preferred == decision.preferred
    assert decision.action in told.text


@given(KIND, st.lists(CONTEXTS, min_size=2, max_size=6))
def test_a_context_has_one_answer_whatever_stands_beside_it(kind: str, asked: list[Context]) -> None:
    policy = guidance(kind)
    together = [one.choose(FULL) for one in policy.evaluate(asked)]
    assert together == [policy.evaluate([one])[0].choose(FULL) for one in asked]


def test_no_contexts_have_no_answers() -> None:
    assert [guidance(kind).evaluate([]) for kind in KINDS] == [[], [], []]


@pytest.mark.parametrize(
    ("chances", "rules", "model", "hybrid"),
    [
        ({"hesitating": 1.0}, "coupon", "coupon", "coupon"),
        ({"price_sensitive": 1.0}, "coupon", "coupon", "coupon"),
        ({"ready_to_buy": 1.0}, "nothing", "checkout_nudge", "nothing"),
        ({"comparing": 1.0}, "compare_nudge", "compare_nudge", "compare_nudge"),
        ({"about_to_leave": 1.0}, "newsletter_nudge", "coupon", "newsletter_nudge"),
        ({"done": 1.0}, "nothing", "nothing", "nothing"),
        # Likeliest is hesitating, but the other states make a coupon worth less than a nudge.
        (
            {"hesitating": 0.4, "ready_to_buy": 0.35, "done": 0.25},
            "coupon",
            "checkout_nudge",
            "checkout_nudge",
        ),
    ],
)
def test_what_each_way_prefers(chances: dict[str, float], rules: str, model: str, hybrid: str) -> None:
    asked = context(**chances)
    assert [preferred(kind, asked) for kind in KINDS] == [rules, model, hybrid]


def test_rules_bind_where_they_are_asked() -> None:
    """A coupon's rule asks for a cart of 50: the model alone does not read it."""
    asked = context(cart=49_000)
    assert [preferred(kind, asked) for kind in KINDS] == ["checkout_nudge", "coupon", "checkout_nudge"]


def test_a_masked_action_gives_way_to_the_next_best() -> None:
    asked = context(mask=FULL & ~bit("coupon"))
    for kind in KINDS:
        assert preferred(kind, asked) == "checkout_nudge"
        told = guidance(kind).explain(asked, ONE // 2)
        assert (told.cause, list(told.lost)) == ("constraint", ["coupon"])


def test_no_discount_for_risky_sessions() -> None:
    """Whatever the state: above its limit nothing that costs something is allowed, explored or preferred."""
    for kind in KINDS:
        policy = guidance(kind)
        costly = [one.name for one in policy.actions.actions if one.costly]
        for state in STATES:
            asked = context(0.2, **{state: 1.0})
            risky = msgspec.structs.replace(
                asked, session_risk=0.97, mask=FULL & ~policy.actions.too_risky(0.97)
            )
            chances = decide(policy, risky, 0).probabilities
            assert [chances[name] for name in costly] == [0.0] * len(costly)
            allowed = msgspec.structs.replace(asked, session_risk=0.97)
            made = decide(policy, allowed, 0)
            record = {"event_id": "e", **record_fields(policy, "e", allowed, made, 0)}
            assert "above their limits" in verify(record, policy.actions)[0]


def test_what_costs_something_is_explored_only_in_its_states() -> None:
    policy = guidance(RULES)
    coupon_in = {
        state: decide(policy, context(**{state: 1.0}), 0).probabilities["coupon"] for state in STATES
    }
    assert {state for state, chance in coupon_in.items() if chance} == {"hesitating", "price_sensitive"}


def test_without_consent_nothing_is_offered() -> None:
    asked = Context(0.2, "cart", 0, "login", 1, NOTHING, consent=False, vector=[0.0] * 7)
    for kind in KINDS:
        assert decide(guidance(kind), asked, 0).action == "nothing"
        assert "has not consented" in guidance(kind).explain(asked, 0).text


def test_what_is_said() -> None:
    told = guidance(HYBRID).explain(context(hesitating=0.62, exploring=0.38), ONE // 2)
    assert told.text == (
        "Chosen: coupon: the session is most likely in the state hesitating (62%). Its expected value, less "
        "its cost, is 1.96 EUR."
    )
    assert (told.cause, told.lost) == ("rule", {})


def test_files_that_a_policy_cannot_use_are_refused() -> None:
    with pytest.raises(ActionsError, match="which policy rules does not read"):
        guidance("rules")
    without = "\n".join(line for line in TEXT.splitlines() if not line.startswith("intent_values"))
    with pytest.raises(ActionsError, match="no action has `intent_values`"):
        guidance(MODEL, without)
    with pytest.raises(ActionsError, match=r"[Ee]xpected"):
        guidance(RULES, TEXT.replace('"hesitating"', '"dreaming"'))
    assert guidance(RULES, without).version != guidance(RULES).version


def test_states_follow_from_what_is_known_where_no_head_answers() -> None:
    found = known_intents([0.1, 0.2, 0.3, 0.4], ["browsing", "cart", "checkout", "bought"])
    likeliest = [STATES[place] for place in found.argmax(1)]
    assert likeliest == ["exploring", "hesitating", "hesitating", "done"]
    assert np.allclose(found.sum(1), 1)
    assert found[:, STATES.index("ready_to_buy")].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert published_intents(np.array([[0.123456, np.nan]], dtype=np.float32)).tolist() == [[0.1235, 0.0]]


def test_inputs_are_the_states_of_the_head() -> None:
    assert len(INPUTS) == len(STATES) == 7
    assert all(guidance(kind).inputs == INPUTS for kind in KINDS)
