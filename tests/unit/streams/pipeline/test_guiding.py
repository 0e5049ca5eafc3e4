"""Guidance in a worker: intent states reach the decision, its record verifies, and risk is minded."""

from pathlib import Path

import pytest

from models.contract.head_table import STATES
from models.decisions.actions import ActionSet
from models.decisions.verify import Verifier
from models.registry.versions import Version
from tests.offline import Offline, records
from tests.tiny import ALL_HEADS
from tests.tiny import version as tiny
from tests.unit.streams.pipeline.test_deciding import saying
from tests.unit.streams.pipeline.test_processor import DECISIONS, INTENT, event

TEXT = (Path(__file__).parents[4] / "docs/examples/guidance.toml").read_text()
SET = ActionSet.load(TEXT)
EVENTS = ("view_item", "view_item", "add_to_cart", "begin_checkout", "purchase", "view_item")


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(tmp_path_factory.mktemp("registry"), tasks=ALL_HEADS)


def clicks(**fields):
    """Six clicks of each of ten visitors, those of different visitors in turn."""
    return records(
        [
            event(100 * turn + n, f"v{n}", turn, event=kind, price=70.0, **fields)
            for turn, kind in enumerate(EVENTS)
            for n in range(10)
        ]
    )


def answered(offline: Offline, chunk, size: int = 25) -> list[tuple[dict, dict]]:
    """Decisions with the purchase intent of the same click; all of them verify."""
    verifier, found = Verifier(SET), []
    for answers in offline.run(chunk, size):
        found += zip(answers[DECISIONS], answers[INTENT], strict=True)
    assert [verifier.differences(decision) for decision, _ in found] == [[]] * len(found)
    return found


def test_the_heads_states_are_on_the_record(version):
    for decision, intent in answered(Offline(version, actions=TEXT), clicks()):
        assert decision["policy"] == "guidance-hybrid"
        by_state = dict(zip(STATES, decision["context"]["vector"], strict=True))
        assert sum(by_state.values()) == pytest.approx(1, abs=1e-3)
        for state, share in intent["intent_states"].items():
            assert by_state[state] == pytest.approx(share, abs=0.011)


def test_chunks_do_not_matter(version):
    found = []
    for size in (1, 7, 60):
        made = answered(Offline(version, actions=TEXT), clicks(), size)
        found.append([{**decision, "scored_at": 0} for decision, _ in made])
    assert found[0] == found[1] == found[2]


def test_without_a_model_states_follow_from_the_stage():
    expected = {"browsing": "exploring", "cart": "hesitating", "checkout": "hesitating", "bought": "done"}
    for decision, intent in answered(Offline(actions=TEXT), clicks()):
        by_state = dict(zip(STATES, decision["context"]["vector"], strict=True))
        chance = intent["purchase_probability"]
        assert by_state["ready_to_buy"] == chance
        assert by_state[expected[decision["context"]["stage"]]] == pytest.approx(1 - chance)


def test_without_consent_states_are_zeros(version):
    for decision, _ in answered(Offline(version, actions=TEXT), clicks(consent=False)):
        assert decision["context"]["vector"] == [0.0] * len(STATES)
        assert decision["action"] == "nothing"


def test_a_risky_session_gets_no_discount(version, monkeypatch):
    """The same clicks, of people and of what looks like a machine: only people are offered the coupon."""
    people = answered(Offline(version, actions=TEXT), clicks())
    saying(version, 0.96996, monkeypatch)
    machines = answered(Offline(version, actions=TEXT), clicks())
    offered = [[one["probabilities"]["coupon"] > 0 for one, _ in found] for found in (people, machines)]
    assert any(offered[0])
    assert not any(offered[1])
    assert all(decision["context"]["session_risk"] == 0.97 for decision, _ in machines)
