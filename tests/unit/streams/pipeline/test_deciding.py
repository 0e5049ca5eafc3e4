"""Decisions of a worker: what risk, consent and caps rule out is masked, recorded, told and counted."""

from dataclasses import replace

import numpy as np
import pytest

from models.contract.decision_context import Context
from models.contract.head_table import HEADS, Kind
from models.decisions.actions import ActionSet
from models.decisions.verify import verify
from models.decisions.withholding import CAP, CONSENT, RISK, count_withheld, withheld
from models.registry.versions import Version
from tests.offline import ACTIONS, Offline, records
from tests.tiny import ALL_HEADS
from tests.tiny import version as tiny
from tests.unit.streams.pipeline.test_processor import DECISIONS, INTENT, event

SET = ActionSet.load(ACTIONS)
FULL = SET.all_bits
#: Reasons that `counted` tells also where there were none.
ALWAYS = (CONSENT, RISK, CAP)
COSTLY = sum(1 << position for position, action in enumerate(SET.actions) if action.costly)

#: `search_next` is a part of `next_event`, so a version has both or neither.
TASKS = tuple(pair for pair in ALL_HEADS if pair[0] in ("session_risk", "next_event", "search_next"))


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(tmp_path_factory.mktemp("registry"), tasks=TASKS)


def saying(version: Version, risk: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the version's risk head answer so, whatever the clicks; everything else is its own."""
    score = version.neural.score

    def scored(batch):
        scores = score(batch)
        assert scores.tasks is not None
        assert scores.layout is not None
        tasks = scores.tasks.copy()
        tasks[:, scores.layout["session_risk"].answers.start] = risk
        return replace(scores, tasks=tasks)

    monkeypatch.setattr(version.neural, "score", scored)


def shopping(count=6, **fields):
    """Clicks of one visitor that fill the cart; each asks why."""
    return records(
        [
            event(n, "v", n, event="add_to_cart", item_id=f"i{n}", price=40.0, explain=True, **fields)
            for n in range(count)
        ]
    )


def counted(offline):
    samples = offline.metrics.withheld.collect()[0].samples
    totals = (one for one in samples if one.name.endswith("_total"))
    return {one.labels["reason"]: one.value for one in totals if one.value or one.labels["reason"] in ALWAYS}


@pytest.mark.parametrize("size", [1, 6])
def test_a_risky_session_is_offered_nothing_that_costs_something(version, monkeypatch, size):
    saying(version, 0.96996, monkeypatch)
    offline = Offline(version)
    answers = offline.run(shopping(), size)
    decisions = [one for chunk in answers for one in chunk[DECISIONS]]
    intents = [one for chunk in answers for one in chunk[INTENT]]
    for decision, intent in zip(decisions, intents, strict=True):
        assert decision["context"]["session_risk"] == intent["session_risk"] == 0.97
        assert decision["context"]["mask"] & COSTLY == 0
        assert decision["probabilities"]["coupon_10_percent"] == 0
        assert verify(decision, SET) == []
        told = decision["explanation"]["withheld"]
        assert (told["coupon_10_percent"], told["free_shipping"]) == ("risk", "risk")
    assert counted(offline)["risk"] == 2 * len(decisions)


def test_at_the_limit_and_without_a_head_nothing_is_withheld(version, monkeypatch, tmp_path):
    saying(version, 0.5, monkeypatch)
    silent = tiny(tmp_path, seed=2)
    for one, risk in ((version, 0.5), (silent, None), (None, None)):
        offline = Offline(one)
        (answers,) = offline.run(shopping(1), 1)
        context = answers[DECISIONS][0]["context"]
        assert (context["mask"], context.get("session_risk")) == (FULL, risk)
        assert "consent" not in context
        assert counted(offline) == {"consent": 0, "risk": 0, "cap": 0}


def test_a_risk_that_does_not_apply_is_none(version, monkeypatch):
    saying(version, np.nan, monkeypatch)
    (answers,) = Offline(version).run(shopping(1), 1)
    assert "session_risk" not in answers[DECISIONS][0]["context"]


def test_missing_consent_is_recorded_told_and_counted(version, monkeypatch):
    saying(version, 0.97, monkeypatch)
    offline = Offline(version)
    (answers,) = offline.run(shopping(3, consent=False), 3)
    for decision in answers[DECISIONS]:
        assert decision["context"]["consent"] is False
        assert decision["context"]["mask"] == 1 << SET.none
        assert verify(decision, SET) == []
        assert "the visitor has not consented" in decision["explanation"]["text"]
    assert counted(offline) == {"consent": 3.0 * (len(SET.names) - 1), "risk": 0, "cap": 0}


def test_reached_caps_are_counted():
    text = (
        'placement = "p"\nepsilon = 0.0\n[[actions]]\nname = "none"\nkind = "none"\n'
        '[[actions]]\nname = "ad"\nkind = "ad"\ncaps.per_session = 2\n'
    )
    offline = Offline(actions=text)
    (answers,) = offline.run(shopping(5), 5)
    assert [one["action"] for one in answers[DECISIONS]] == ["ad", "ad", "none", "none", "none"]
    assert counted(offline) == {"consent": 0, "risk": 0, "cap": 3}
    assert answers[DECISIONS][-1]["explanation"]["withheld"] == {"ad": "cap"}


def test_each_withheld_action_has_one_reason():
    context = Context(0.2, "cart", 60_000, "view_item", 3, FULL & ~COSTLY & ~2, 0.97)
    assert withheld(SET, context) == {1: "cap", 4: "risk", 5: "risk"}
    assert count_withheld(SET, [context, context]) == {"cap": 2, "risk": 4}
    refused = Context(0.2, "cart", 60_000, "view_item", 3, 1 << SET.none, 0.97, False)
    assert set(withheld(SET, refused).values()) == {"consent"}
    assert count_withheld(SET, [refused, context])["consent"] == len(SET.names) - 1


def test_the_risk_head_has_one_column():
    """`streams.pipeline.scoring` reads one head of this kind."""
    assert [head.name for head in HEADS if head.kind is Kind.RISK] == ["session_risk"]
