"""Answers as they are on the wire."""

import msgspec

from models.contract.decision_context import Context
from models.contract.predictions import (
    AdDecision,
    FallbackTier,
    PurchaseIntent,
    Recommendations,
    ScoredItem,
    encode,
    scored,
)

COMMON = {
    "event_id": "e1",
    "visitor_id": "v1",
    "ts": 1_600_000_000_000,
    "model_version": "m1",
    "catalogue_version": "c1",
    "features_version": "f1",
    "rung": FallbackTier.NEURAL,
    "scored_at": 1_600_000_000_020,
}
INTENT = PurchaseIntent(**COMMON, purchase_probability=0.25, session_id="v1:3", session_clicks=4)
RECOMMENDATIONS = Recommendations(**COMMON, items=scored(["a", "b"], [0.5, 0.25]))
DECISION = AdDecision(
    **COMMON,
    decision_id="e1:home",
    placement="home",
    action="nudge",
    propensity=0.75,
    probabilities={"nudge": 0.75, "none": 0.25},
    policy_version="p1",
    explored=False,
    draw=0.125,
    would_have="nudge",
    context=Context(0.25, "browsing", 0, "view_item", 4, 3),
)


def test_rungs_are_ordered_best_first() -> None:
    assert list(FallbackTier) == ["neural", "session_knn", "popular_in_category", "popular"]


def test_items_keep_their_order() -> None:
    assert RECOMMENDATIONS.items == [ScoredItem("a", 0.5), ScoredItem("b", 0.25)]


def test_answers_come_back_as_they_were() -> None:
    for answer in (INTENT, RECOMMENDATIONS, DECISION):
        assert msgspec.json.decode(encode(answer), type=type(answer)) == answer


def test_every_answer_names_its_cause_and_its_makers() -> None:
    for answer in (INTENT, RECOMMENDATIONS, DECISION):
        wire = msgspec.json.decode(encode(answer))
        assert {name: wire[name] for name in COMMON} == COMMON
