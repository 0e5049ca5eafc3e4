"""The answers written from parts say what the contract's structs would, whatever the texts and numbers."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.commands.decisions_command import ACTIONS_FILE
from models.contract.decision_context import Context
from models.contract.events import CLIPPED, DROPPED, EVENTS, FILLED, Click
from models.contract.predictions import (
    AdDecision,
    FallbackTier,
    InputFlags,
    PurchaseIntent,
    Recommendations,
    ScoredItem,
    scored,
)
from models.decisions.actions import ActionSet
from models.decisions.decision import decide, draw_of, published, record_fields
from models.decisions.rules_policy import RulesPolicy
from models.features.features import FEATURES_VERSION
from models.policies.learned_policy import load
from models.scoring.scores import TIERS, TOP, Scores
from models.state.facts import ClickStatus, Facts
from streams.pipeline.answers import AnswerEncoder, PolicyTexts, number
from streams.pipeline.chunk import Applied, Decided
from streams.texts.items_json import ItemsEncoder
from tests import tiny_policies

POLICY = RulesPolicy(ActionSet.load(ACTIONS_FILE.read_bytes()))
LEARNED = load(tiny_policies.files(POLICY.actions), POLICY.actions, "v1")
WORDINGS = [PolicyTexts(POLICY), PolicyTexts(LEARNED)]
IDS = st.text(min_size=1, max_size=20)


def applied_to(click, position, session):
    facts = Facts(ClickStatus.APPLIED, [], position=position)
    return Applied(b"key", click, facts, None, 0, 0, 0, "cart", 0, session)


@given(
    event_id=IDS,
    visitor_id=IDS,
    version=IDS,
    event=st.sampled_from(EVENTS),
    stage=st.sampled_from(["browsing", "cart", "checkout", "bought"]),
    probability=st.integers(0, 10_000).map(lambda steps: steps / 10_000),
    mask=st.integers(0, POLICY.actions.all_bits),
    tier=st.sampled_from(list(FallbackTier)),
    numbers=st.tuples(st.integers(1, 10_000), st.integers(1, 1_000), st.integers(0, 1 << 50)),
    risk=st.none() | st.integers(0, 10_000).map(lambda steps: steps / 10_000),
    consent=st.booleans(),
    wording=st.sampled_from(WORDINGS),
    flags=st.just(0) | st.integers(0, sum([*DROPPED.values(), *CLIPPED.values(), *FILLED.values()])),
)
def test_answers_are_those_of_the_structs(
    event_id,
    visitor_id,
    version,
    event,
    stage,
    probability,
    mask,
    tier,
    numbers,
    risk,
    consent,
    wording,
    flags,
):
    policy = wording.policy
    position, session, cart = numbers
    click = Click(event_id=event_id, visitor_id=visitor_id, ts=1_700_000_000_000, event=event, flags=flags)
    allowed = mask | 1 << POLICY.actions.none
    context = Context(
        probability, stage, cart, event, position, allowed, risk, consent, [1.5] * len(policy.inputs) or None
    )
    draw = draw_of(event_id)
    decision = decide(policy, context, draw)
    scribe = AnswerEncoder(wording, version, "cafe", 1_700_000_000_001)
    made = scribe.answers(
        applied_to(click, position, session), Decided(probability, context, draw, decision), tier, b"[]"
    )
    common = {
        "event_id": event_id,
        "visitor_id": visitor_id,
        "ts": click.ts,
        "model_version": version,
        "catalogue_version": "cafe",
        "features_version": FEATURES_VERSION,
        "rung": tier,
        "scored_at": 1_700_000_000_001,
        **({"input_flags": InputFlags.of(flags)} if flags else {}),
    }
    identity = f"{visitor_id}:{session}"
    intent = {"purchase_probability": probability, "session_id": identity, "session_clicks": position}
    fields = record_fields(policy, event_id, context, decision, draw)
    expected = (
        PurchaseIntent(**common, **intent),
        Recommendations(**common, items=[]),
        AdDecision(**common, **fields),
    )
    for (key, value, headers), answer in zip(made, expected, strict=True):
        assert (key, headers) == (b"key", [])
        told, struct = msgspec.json.decode(value), msgspec.json.decode(msgspec.json.encode(answer))
        assert told == struct
        assert list(told) == list(struct)


def scores_of(items, values, names):
    array = np.empty(len(names), dtype=object)
    array[:] = list(names)
    tier = np.full(len(items), TIERS.index(FallbackTier.NEURAL), dtype=np.uint8)
    return Scores(
        np.zeros(len(items), np.float32), np.array(items, np.int32), np.array(values, np.float32), array, tier
    )


@pytest.mark.parametrize("case", ["full rows", "short rows", "scores above 1"])
def test_lists_are_those_of_the_structs(case):
    chance = np.random.default_rng(0)
    names = [f'item "{n}" é' for n in range(40)]
    items = np.stack([chance.permutation(40)[:TOP] for _ in range(30)])
    values = np.sort(chance.random((30, TOP)) ** 4)[:, ::-1].copy()
    values[0], values[1] = 1.0, 0.0
    if case == "short rows":
        items[:, 7:] = -1
    if case == "scores above 1":
        values *= 3
    given_scores = scores_of(items, values, names)
    rounded = np.round(given_scores.item_scores.astype(np.float64), 5).tolist()
    for made, ids, row in zip(
        ItemsEncoder().lists(given_scores), given_scores.item_ids(), rounded, strict=True
    ):
        expected = scored(ids, row[: len(ids)])
        assert msgspec.json.decode(made, type=list[ScoredItem]) == expected
        assert made == msgspec.json.encode(expected)


def test_names_of_another_version_replace_those_before():
    listing, items, values = ItemsEncoder(), [[1, 0] + [2] * 18], [[0.5] * TOP]
    first, second = (listing.lists(scores_of(items, values, names))[0] for names in ("abc", "xyz"))
    assert first[:14] == b'[{"item_id":"b'
    assert second[:14] == b'[{"item_id":"y'


@given(st.floats(0, 1))
def test_numbers_are_written_as_python_does(value):
    assert number(value) == repr(value).encode()


@given(st.floats(0, 1, width=32))
def test_probabilities_are_rounded_to_four_decimals(probability):
    assert published(probability) == round(probability, 4)
