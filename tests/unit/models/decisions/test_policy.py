"""Decisions: masks bind, probabilities are exact, draws follow them, records verify."""

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

import deploy
from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE, When
from models.decisions.decision import decide, decision_id, draw_of, published, record_fields, stage_of
from models.decisions.rules_policy import MAX_CACHED, RulesPolicy, earlier
from models.decisions.verify import verify

SHIPPED_TEXT = (Path(deploy.__file__).parent / "data" / "actions.toml").read_text()
ACTIONS = ActionSet.load(SHIPPED_TEXT)
COUPON, SHIPPING = (
    next(one for one in ACTIONS.actions if one.name == name)
    for name in ("coupon_10_percent", "free_shipping")
)
FREE = [action.name for action in ACTIONS.actions if not action.costly]
FULL = ACTIONS.all_bits
NOTHING = 1 << ACTIONS.none
IN_CART = Context(0.2, "cart", 60_000, "view_item", 3, FULL)

CONTEXTS = st.builds(
    Context,
    st.floats(0, 1).map(published),
    st.sampled_from(["browsing", "cart", "checkout", "bought"]),
    st.integers(0, 10**9),
    st.sampled_from(["view_item", "search", "add_to_cart", "purchase", "login"]),
    st.integers(1, 10_000),
    st.integers(0, FULL).map(lambda bits: bits | NOTHING),
    st.none() | st.floats(0, 0.5).map(published),
)
DRAWS = st.integers(0, ONE - 1)


def bit(name: str) -> int:
    return 1 << ACTIONS.names.index(name)


def with_epsilon(epsilon: float) -> ActionSet:
    """The shipped file with one epsilon for all actions."""
    return msgspec.structs.replace(ACTIONS, epsilon=epsilon, shares=(None,) * len(ACTIONS.names))


def explorable_of(context: Context) -> int:
    """The allowed actions that exploration may choose, as bits."""
    return RulesPolicy(ACTIONS).evaluate([context])[0].explorable & context.mask


@given(CONTEXTS, DRAWS)
def test_a_masked_action_is_never_chosen_and_every_allowed_one_can_be(context: Context, draw: int) -> None:
    decision = decide(RulesPolicy(ACTIONS), context, draw)
    assert context.mask >> decision.position & 1
    assert explorable_of(context) & ~context.mask == 0
    for position, name in enumerate(ACTIONS.names):
        drawn = explorable_of(context) >> position & 1 or name == decision.preferred
        assert (decision.probabilities[name] > 0) == bool(drawn)
    assert [name for name in FREE if not explorable_of(context) & bit(name)] == [
        name for name in FREE if not context.mask & bit(name)
    ]


def holds(when: When, context: Context) -> bool:
    """A rule by the plainest code."""
    low, high = when.min_probability or 0.0, 2.0 if when.max_probability is None else when.max_probability
    return (
        low <= context.purchase_probability < high
        and (when.stages is None or context.stage in when.stages)
        and (when.events is None or context.event in when.events)
        and context.cart_milli >= round((when.min_cart_value or 0) * 1000)
    )


@given(CONTEXTS, DRAWS)
def test_what_costs_something_is_explored_only_where_its_rule_allows(context: Context, draw: int) -> None:
    decision = decide(RulesPolicy(ACTIONS), context, draw)
    for name, rule in (("coupon_10_percent", COUPON.explore_when), ("free_shipping", SHIPPING.when)):
        assert rule is not None
        explorable = holds(rule, context) and bool(context.mask & bit(name))
        assert bool(explorable_of(context) & bit(name)) == explorable
        if decision.action == name and decision.explored:
            assert explorable
            assert decision.propensity == pytest.approx(0.02)


@given(CONTEXTS)
def test_somebody_who_only_browses_is_never_offered_what_costs_something(context: Context) -> None:
    context = msgspec.structs.replace(context, stage="browsing")
    chances = decide(RulesPolicy(ACTIONS), context, 0).probabilities
    assert (chances["coupon_10_percent"], chances["free_shipping"]) == (0.0, 0.0)


def test_one_mask_in_two_contexts_has_two_distributions() -> None:
    """Contexts that differ only in what may be explored must not share a remembered distribution."""
    policy = RulesPolicy(ACTIONS)
    mask = FULL & ~bit("ad_bestsellers") & ~bit("ad_new_arrivals")
    poor = Context(0.3, "browsing", 0, "login", 1, mask)
    rich = Context(0.45, "cart", 45_000, "login", 1, mask & ~bit("free_shipping") & ~bit("nudge_checkout"))
    both = [decide(policy, one, ONE - 1) for one in (poor, rich, poor, rich)]
    fresh = [decide(RulesPolicy(ACTIONS), one, ONE - 1) for one in (poor, rich)]
    assert both == fresh * 2
    assert fresh[0].probabilities["coupon_10_percent"] == 0.0
    assert fresh[1].probabilities["coupon_10_percent"] == pytest.approx(0.02)
    assert fresh[0].preferred == fresh[1].preferred == "nothing"


SHARES = st.none() | st.just(0.0) | st.floats(1e-6, 0.2)


@given(CONTEXTS, st.floats(1e-6, 0.2), st.lists(SHARES, min_size=3, max_size=3))
def test_an_actions_own_epsilon_is_its_share_and_all_sum_to_exactly_one(
    context: Context, epsilon: float, own: list[float | None]
) -> None:
    names = ("ad_bestsellers", "ad_new_arrivals", "nudge_checkout")
    text, actions = (
        SHIPPED_TEXT.replace("epsilon = 0.10", f"epsilon = {epsilon}"),
        dict(zip(names, own, strict=True)),
    )
    for name, share in actions.items():
        if share is not None:
            text = text.replace(f'name = "{name}"', f'name = "{name}"\nepsilon = {share}')
    decision = decide(RulesPolicy(ActionSet.load(text)), context, 0)
    chances = decision.probabilities
    assert sum(chances.values()) == sum(sorted(chances.values())) == 1.0
    for name, share in actions.items():
        if share is not None and name != decision.preferred and context.mask & bit(name):
            assert chances[name] == int(share * ONE) / ONE
    sharing = [
        name for name in ACTIONS.names if explorable_of(context) & bit(name) and chances_of(name, actions)
    ]
    rest = [chances[name] for name in sharing if name != decision.preferred]
    assert rest == [int(epsilon * ONE) // len(sharing) / ONE] * len(rest)


def chances_of(name: str, own: dict[str, float | None]) -> bool:
    """Whether an action shares the file's epsilon."""
    return own.get(name) is None and name not in ("coupon_10_percent", "free_shipping")


@given(CONTEXTS, st.one_of(st.just(0.0), st.floats(1e-6, 1.0)))
def test_probabilities_sum_to_exactly_one_in_any_order(context: Context, epsilon: float) -> None:
    probabilities = list(decide(RulesPolicy(with_epsilon(epsilon)), context, 0).probabilities.values())
    assert sum(probabilities) == sum(sorted(probabilities)) == sum(reversed(probabilities)) == 1.0
    assert json.loads(json.dumps(probabilities)) == probabilities


@given(CONTEXTS)
def test_propensity_is_exactly_the_share_of_draws(context: Context) -> None:
    policy, seen = RulesPolicy(ACTIONS), 0
    for name, probability in decide(policy, context, 0).probabilities.items():
        share = int(probability * ONE)
        if share:
            first, last = decide(policy, context, seen), decide(policy, context, seen + share - 1)
            assert first.action == last.action == name
            assert first.propensity == probability
        seen += share
    assert seen == ONE


@pytest.mark.parametrize("mask", [FULL, FULL & ~bit("coupon_10_percent") & ~bit("ad_bestsellers")])
def test_draws_of_event_ids_follow_the_propensities(mask: int) -> None:
    policy = RulesPolicy(with_epsilon(0.5))
    context = msgspec.structs.replace(IN_CART, mask=mask)
    counts = Counter(decide(policy, context, draw_of(f"event-{i}")).action for i in range(100_000))
    expected = {n: p * 100_000 for n, p in decide(policy, context, 0).probabilities.items() if p}
    assert set(counts) == set(expected)
    assert chisquare([counts[n] for n in expected], list(expected.values())).pvalue > 0.001


def test_without_exploration_the_preferred_action_is_certain() -> None:
    decision = decide(RulesPolicy(with_epsilon(0.0)), IN_CART, ONE - 1)
    assert (decision.action, decision.propensity, decision.explored) == ("coupon_10_percent", 1.0, False)


@pytest.mark.parametrize(
    ("change", "preferred"),
    [
        ({}, "coupon_10_percent"),
        ({"cart_milli": 50_000}, "coupon_10_percent"),
        ({"cart_milli": 49_999}, "free_shipping"),
        ({"purchase_probability": 0.4}, "free_shipping"),
        ({"purchase_probability": 0.6}, "nudge_checkout"),
        ({"purchase_probability": 0.05}, "coupon_10_percent"),
        ({"purchase_probability": 0.0499}, "nothing"),
        ({"mask": FULL & ~bit("coupon_10_percent")}, "free_shipping"),
        ({"mask": NOTHING}, "nothing"),
        ({"stage": "checkout"}, "free_shipping"),
        ({"stage": "browsing", "purchase_probability": 0.01}, "ad_bestsellers"),
        ({"stage": "browsing", "purchase_probability": 0.01, "event": "login"}, "ad_new_arrivals"),
        ({"stage": "browsing", "purchase_probability": 0.9}, "nothing"),
    ],
)
def test_the_heaviest_matching_rule_is_preferred(change: dict[str, object], preferred: str) -> None:
    context = msgspec.structs.replace(IN_CART, **change)
    assert decide(RulesPolicy(ACTIONS), context, 0).preferred == preferred


@given(CONTEXTS, DRAWS)
def test_would_have_is_the_unmasked_decision_of_the_same_draw(context: Context, draw: int) -> None:
    policy = RulesPolicy(ACTIONS)
    unmasked = decide(policy, msgspec.structs.replace(context, mask=FULL), draw)
    assert decide(policy, context, draw).would_have == unmasked.action == unmasked.would_have


def test_the_cache_is_bounded_and_does_not_change_answers() -> None:
    names = "".join(f'[[actions]]\nname = "ad{i}"\nkind = "ad"\n' for i in range(13))
    text = f'placement = "p"\nepsilon = 0.2\n{names}[[actions]]\nname = "none"\nkind = "none"\n'
    policy, none = RulesPolicy(ActionSet.load(text)), 1 << 13
    masks = [none | bits for bits in range(1 << 13)]
    first = [decide(policy, Context(0.1, "cart", 0, "login", 1, mask), ONE // 3) for mask in masks]
    assert len(policy._choices) <= MAX_CACHED
    assert first == [decide(policy, Context(0.1, "cart", 0, "login", 1, mask), ONE // 3) for mask in masks]


@pytest.mark.parametrize("mask", [FULL + 1, FULL & ~NOTHING, 0])
def test_an_impossible_mask_is_refused(mask: int) -> None:
    with pytest.raises(ValueError, match="mask"):
        decide(RulesPolicy(ACTIONS), msgspec.structs.replace(IN_CART, mask=mask), 0)


def test_the_draw_is_what_the_documentation_says() -> None:
    assert draw_of("") == 0x2D06800538D394C2 >> 11  # xxHash's own test vector: XXH3-64 of no bytes
    assert 0 <= min(map(draw_of, map(str, range(1000)))) <= max(map(draw_of, map(str, range(1000)))) < ONE


@pytest.mark.parametrize(
    ("counts", "stage"),
    [((0, 0, 0), "browsing"), ((1, 0, 0), "cart"), ((0, 1, 0), "checkout"), ((2, 1, 1), "bought")],
)
def test_stage(counts: tuple[int, int, int], stage: str) -> None:
    assert stage_of(*counts) == stage


def published_record(context: Context, event_id: str) -> dict[str, object]:
    policy, draw = RulesPolicy(ACTIONS), draw_of(event_id)
    fields = record_fields(policy, event_id, context, decide(policy, context, draw), draw)
    return msgspec.json.decode(msgspec.json.encode({"event_id": event_id, **fields}))


@given(CONTEXTS, st.text(min_size=1, max_size=20))
def test_a_published_decision_verifies_from_its_own_record(context: Context, event_id: str) -> None:
    assert verify(published_record(context, event_id), ACTIONS) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", "another"),
        ("event_id", 7),
        ("decision_id", "e1:other"),
        ("action", "nudge_checkout"),
        ("propensity", 0.5),
        ("probabilities", {"nothing": 1.0}),
        ("draw", 0.25),
        ("explored", None),
        ("would_have", "nudge_checkout"),
        ("policy_version", "0"),
        ("context", None),
        ("context", {**msgspec.structs.asdict(IN_CART), "mask": FULL + 1}),
        ("context", {**msgspec.structs.asdict(IN_CART), "mask": 0}),
        ("context", {**msgspec.structs.asdict(IN_CART), "purchase_probability": 0.01}),
        ("context", {**msgspec.structs.asdict(IN_CART), "session_risk": 0.51}),
        ("context", {**msgspec.structs.asdict(IN_CART), "consent": False}),
    ],
)
def test_a_changed_record_is_reported(field: str, value: object) -> None:
    record = published_record(IN_CART, "e1")
    assert record["action"] == "coupon_10_percent"
    record[field] = value
    assert verify(record, ACTIONS) != []


def test_what_a_record_says_of_its_mask_must_fit() -> None:
    risky = msgspec.structs.replace(IN_CART, session_risk=0.97)
    (said,) = verify(published_record(risky, "e1"), ACTIONS)
    assert said == (
        "mask: allows ['coupon_10_percent', 'free_shipping'] at a session risk of 0.97, above their limits"
    )
    withheld = msgspec.structs.replace(risky, mask=FULL & ~ACTIONS.too_risky(0.97))
    assert verify(published_record(withheld, "e1"), ACTIONS) == []
    refused = msgspec.structs.replace(IN_CART, consent=False)
    assert "without consent, expected 0b1" in verify(published_record(refused, "e1"), ACTIONS)[0]
    assert verify(published_record(msgspec.structs.replace(refused, mask=NOTHING), "e1"), ACTIONS) == []


def test_decisions_of_the_algorithm_before_still_verify() -> None:
    """A record as the version before this one wrote it, with the actions file of then."""
    text = (
        'placement = "shop"\nepsilon = 0.1\n[[actions]]\nname = "nothing"\nkind = "none"\n'
        '[[actions]]\nname = "coupon"\nkind = "coupon"\nwhen = { stages = ["cart"] }\n'
    )
    record = {
        "event_id": "e73",
        "decision_id": "e73:shop",
        "placement": "shop",
        "action": "coupon",
        "propensity": 0.04999999999999993,
        "probabilities": {"nothing": 0.9500000000000001, "coupon": 0.04999999999999993},
        "context": {
            "purchase_probability": 0.02,
            "stage": "browsing",
            "cart_milli": 0,
            "event": "view_item",
            "click": 1,
            "mask": 3,
        },
        "policy_version": "d36e45413480dc8b",
        "explored": True,
        "draw": 0.9874115658417625,
        "would_have": "coupon",
    }
    actions = ActionSet.load(text)
    assert verify(record, actions) == []
    assert verify(record | {"propensity": 0.06}, actions) != []
    now = decide(RulesPolicy(actions), msgspec.convert(record["context"], Context), draw_of("e73"))
    assert (now.action, now.explored) == ("nothing", False)
    assert earlier(actions).version == record["policy_version"] != RulesPolicy(actions).version


def test_a_decision_id_names_its_event_and_placement() -> None:
    assert decision_id("e1", "shop") == "e1:shop" == published_record(IN_CART, "e1")["decision_id"]
