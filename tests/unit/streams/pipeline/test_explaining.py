"""Explanations on the way out: where they were asked for, nowhere else, and never at an answer's cost."""

import json

import msgspec
import pytest
from jsonschema import Draft202012Validator

from deploy.reference.contract import schema
from models.contract.events import EVENTS
from models.contract.predictions import AdDecision, PurchaseIntent, Recommendations
from models.decisions.actions import ActionSet
from models.decisions.decision import published
from models.decisions.verify import verify
from models.features.features import PACKED
from models.registry.versions import Version
from models.state.codes import WIDTH
from streams.pipeline import explaining
from tests.offline import ACTIONS, Offline, processing_config, records
from tests.tiny import version as tiny
from tests.unit.streams.pipeline.test_processor import DECISIONS, INTENT, ITEMS, event

KINDS = {INTENT: PurchaseIntent, ITEMS: Recommendations, DECISIONS: AdDecision}
NAMES = {INTENT: "purchase-intent", ITEMS: "recommendations", DECISIONS: "ad-decision"}


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(tmp_path_factory.mktemp("registry"))


def shopping(count=7, **fields):
    """Sessions of two visitors in turn; the last click asks."""
    events = [event(n, f"v{n % 2}", n, item_id=f"i{n % 5}", category="c1", price=9.5) for n in range(count)]
    events[-1] |= {"explain": True, **fields}
    return records(events)


def outcomes(offline):
    found = offline.metrics.explanations.collect()[0].samples
    return {one.labels["outcome"]: one.value for one in found if one.name.endswith("_total")}


@pytest.mark.parametrize("size", [1, 3, 7])
def test_the_click_that_asks_is_explained_wherever_chunks_end(version, size):
    offline = Offline(version)
    told = offline.run(shopping(), size)
    answers = {topic: [one for chunk in told for one in chunk[topic]] for topic in KINDS}
    for topic, found in answers.items():
        assert ["explanation" in one for one in found] == [False] * 6 + [True]
        Draft202012Validator(schema(KINDS[topic], NAMES[topic])).validate(found[-1])
        msgspec.convert(found[-1], KINDS[topic])
    intent, items = answers[INTENT][-1], answers[ITEMS][-1]
    why = intent["explanation"]
    assert why["probability"] == pytest.approx(intent["purchase_probability"], abs=1e-4)
    assert why["covered"] == intent["session_clicks"] == 4
    assert {effect["click"] for effect in why["clicks"]} == {1, 2, 3, 4}
    assert {effect["item_id"] for effect in why["clicks"]} == {"i0", "i2", "i4", "i1"}
    assert [one["item_id"] for one in items["explanation"]["items"]] == [
        one["item_id"] for one in items["items"]
    ]
    assert any(one["text"].startswith("because you viewed i") for one in items["explanation"]["items"])
    assert verify(answers[DECISIONS][-1], ActionSet.load(ACTIONS)) == []
    assert outcomes(offline) == {"given": 1}


#: What a visitor did to the item i1, in the words of each event.
DONE = {
    "page_view": "because you opened the page of i1",
    "search": "because you searched for i1",
    "view_item_list": "because you looked at a list with i1",
    "select_item": "because you picked i1 from a list",
    "view_item": "because you viewed i1",
    "add_to_wishlist": "because you added i1 to the wishlist",
    "add_to_cart": "because you added i1 to the cart",
    "remove_from_cart": "because you removed i1 from the cart",
    "begin_checkout": "because you began the checkout with i1",
    "add_payment_info": "because you entered payment details for i1",
    "purchase": "because you bought i1",
    "refund": "because you returned i1",
    "view_promotion": "because you saw a promotion for i1",
    "select_promotion": "because you clicked a promotion for i1",
    "rate_item": "because you rated i1",
    "login": "because you logged in on the page of i1",
}


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_told_in_its_own_words(version, name):
    clicks = [event(0, "v", 0, event=name, item_id="i1"), event(1, "v", 1, item_id="i2", explain=True)]
    (answers,) = Offline(version).run(records(clicks), 2)
    reasons = answers[ITEMS][-1]["explanation"]["items"]
    assert {one["text"] for one in reasons if one["click"] == 1} == {DONE[name]}
    text = answers[INTENT][-1]["explanation"]["text"]
    assert DONE[name].removeprefix("because you ").replace("i1", "an item") in text
    assert text.startswith("Purchase probability in this session: ")


def test_effects_do_not_depend_on_chunks(version):
    whys = [Offline(version).run(shopping(), size)[-1][INTENT][-1]["explanation"] for size in (1, 7)]
    for one, two in zip(*(why["clicks"] for why in whys), strict=True):
        assert one["click"] == two["click"]
        assert one["log_odds"] == pytest.approx(two["log_odds"], abs=2e-3)


def test_a_chunk_explains_no_more_than_its_limit(version):
    rules = processing_config(explanations_per_chunk=2)
    offline = Offline(version, rules)
    told = offline.process(records([event(n, minutes=n, explain=True) for n in range(5)]))
    answers = offline.answers(told)
    for topic in KINDS:
        assert ["explanation" in one for one in answers[topic]] == [True, True, False, False, False]
    assert outcomes(offline) == {"given": 2, "over_limit": 3}


def test_lower_rungs_and_refused_consent_say_who_answered(version):
    (answers,) = Offline().run(shopping(), 7)
    assert answers[INTENT][-1]["explanation"]["text"].startswith("Answered by popular: ")
    assert answers[INTENT][-1]["explanation"]["clicks"] == []
    (answers,) = Offline(version).run(shopping(consent=False), 7)
    assert answers[ITEMS][-1]["explanation"]["items"] == []
    assert answers[DECISIONS][-1]["explanation"]["cause"] == "constraint"
    assert len(answers[DECISIONS][-1]["explanation"]["masked"]) > 3
    for topic in KINDS:
        assert "because the visitor has not consented" in answers[topic][-1]["explanation"]["text"]


def test_a_failure_costs_no_answer(version, monkeypatch):
    def broken(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr(explaining, "explain", broken)
    offline = Offline(version)
    effects = offline.process(shopping())
    answers = offline.answers(effects)
    assert [len(answers[topic]) for topic in KINDS] == [7, 7, 7]
    assert not any("explanation" in one for topic in KINDS for one in answers[topic])
    assert offline.names.dead_letters not in effects.outputs
    assert outcomes(offline) == {"failed": 1}


def test_the_latest_click_is_explained_on_demand(version):
    offline = Offline(version)
    (answers,) = offline.run(shopping(), 7)
    told = offline.lookups.explain("v0")
    assert told is not None
    assert (told["event_id"], told["model_version"]) == ("e6", version.id)
    for name, topic in (("intent", INTENT), ("recommendations", ITEMS), ("decision", DECISIONS)):
        assert told[name]["text"] == answers[topic][-1]["explanation"]["text"]
    assert json.loads(json.dumps(told)) == told
    other = offline.lookups.explain("v1")
    assert other is not None
    assert other["intent"]["covered"] == 3
    assert other["intent"]["probability"] == published(answers[INTENT][-2]["purchase_probability"])
    assert offline.lookups.explain("nobody") is None


def test_the_latest_answers_of_each_visitor_are_found_with_their_rows(version):
    offline = Offline(version)
    answered = [chunk[INTENT] for chunk in offline.run(shopping(), 3)]
    memory = offline.pipeline.caches[0]
    latest = {intent["visitor_id"]: intent["event_id"] for chunk in answered for intent in chunk}
    assert latest.keys() == {"v0", "v1"}
    for visitor_id, event_id in latest.items():
        kept = memory.answers.of(visitor_id)
        assert msgspec.json.decode(kept.answers[0][1])["event_id"] == event_id
        assert len(kept.row) == 8 * len(PACKED) + WIDTH
