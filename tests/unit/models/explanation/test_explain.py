"""Explanations of an untrained network's answers: right by construction, bounded, and in words."""

import msgspec
import numpy as np
import pytest

from models.contract.events import EVENTS
from models.contract.explanations import MOST_EFFECTS, ClickEffect, FeatureEffect
from models.decisions.units import minutes, money, often, percent, points
from models.explanation import phrases
from models.explanation.counterfactuals import replay
from models.explanation.explain import _clicks, batch_of, examine, explain
from models.explanation.feature_words import feature_words
from models.features import features
from models.features.batch import Batcher
from models.features.features import COLUMNS
from models.features.vocabulary import Vocabulary
from models.scoring.scorer import NeuralScorer
from models.scoring.scores import ScoringError
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import item_hash
from tests.scoring import network
from tests.unit.models.explanation.test_counterfactuals import SHOPPING, click

WORDS = Vocabulary.build(["a", "b", "c"], [1, 1, 2])


@pytest.fixture(scope="module")
def scorer() -> NeuralScorer:
    return NeuralScorer(network(WORDS), WORDS, "test", 7)


def served(scorer, clicks):
    """Probability and items of the last click, as a worker scores a chunk of them."""
    batcher, visitor = Batcher(), None
    slot = batcher.visitor(None)
    for one in clicks:
        visitor, facts = step(visitor, one, one.ts, SessionConfig())
        batcher.click(slot, facts.code, facts.position, features.row(visitor, one, facts))
    return scorer.score(batcher.build())


def test_every_column_belongs_to_one_declared_feature():
    places = np.sort(np.concatenate(list(COLUMNS.values())))
    assert places.tolist() == list(range(len(features.NAMES)))
    assert list(COLUMNS) == [feature.name for feature in features.FEATURES]
    assert all(len(columns) for columns in COLUMNS.values())
    assert len(COLUMNS["country"]) == 64


def test_what_is_explained_is_what_was_published(scorer):
    scores = served(scorer, SHOPPING)
    ids = scores.item_ids()[-1]
    probe = examine(scorer, replay(None, SHOPPING, SessionConfig()), ids)
    assert probe.chances[0] == pytest.approx(scores.purchase[-1], abs=1e-6)
    np.testing.assert_allclose(probe.scores[0], scores.item_scores[-1][: len(ids)], atol=1e-6)


def test_effects_are_differences_to_what_is_served_without_the_click(scorer):
    """With variants replayed from the real clicks, against the scorer of serving."""
    session = replay(None, SHOPPING, SessionConfig())
    without = [SHOPPING[:gone] + SHOPPING[gone + 1 :] for gone in range(len(SHOPPING))]
    variants = [replay(None, clicks, SessionConfig()) for clicks in without]
    told = explain(scorer, session, ["b"], variants)
    chance = served(scorer, SHOPPING).purchase[-1]
    for effect in told.intent.clicks:
        other = served(scorer, without[effect.click - 1]).purchase[-1]
        assert effect.probability == pytest.approx(chance - other, abs=1e-4)
        assert effect.event == SHOPPING[effect.click - 1].event
        assert effect.item_id == SHOPPING[effect.click - 1].item_id
    sizes = [abs(effect.log_odds) for effect in told.intent.clicks]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0
    assert (told.intent.covered, len(told.intent.clicks)) == (6, 6)


def test_a_feature_at_its_mean_is_what_the_network_gives_for_the_mean(scorer):
    session = replay(None, SHOPPING, SessionConfig())
    probe = examine(scorer, session)
    batch = batch_of([session])
    batch.features[0, COLUMNS["event"]] = scorer._network.mean.numpy()[COLUMNS["event"]]
    assert probe.blanked[list(COLUMNS).index("event")] == pytest.approx(scorer.score(batch).purchase[0])
    assert probe.blanked[list(COLUMNS).index("event")] != pytest.approx(probe.chances[0], abs=1e-7)


def test_the_reason_of_an_item_is_the_click_it_needs_most(scorer):
    session = replay(None, SHOPPING, SessionConfig())
    probe = examine(scorer, session, ["c", "b"])
    told = explain(scorer, session, ["c", "b"]).items
    lost = probe.scores[0] - probe.scores[1:]
    for reason, column in zip(told.items, lost.T, strict=True):
        assert column.max() > 0
        assert reason.click == column.argmax() + 1
        assert reason.because == SHOPPING[reason.click - 1].item_id
        assert reason.text.startswith("because you ")
        assert reason.score == pytest.approx(column.max(), abs=1e-5)
    assert told.text == f"c is recommended {told.items[0].text}."


def test_long_sessions_say_what_is_covered(scorer):
    told = explain(scorer, replay(None, [click(n) for n in range(60)], SessionConfig()), ["b"])
    assert told.intent.covered == told.items.covered == 50
    assert told.intent.text.endswith(" Of 60 clicks, the last 50 are examined.")
    assert len(told.intent.clicks) == MOST_EFFECTS
    assert all(11 <= effect.click <= 60 for effect in told.intent.clicks)


def test_of_a_single_click_features_are_examined(scorer):
    told = explain(scorer, replay(None, SHOPPING[1:2], SessionConfig()), ["b"])
    assert (told.intent.clicks, told.intent.covered) == ([], 0)
    assert told.intent.features
    assert "only features are examined" in told.intent.text
    assert (told.items.items[0].text, told.items.items[0].click) == ("", None)


def test_a_broken_network_explains_nothing():
    broken = network(WORDS)
    broken.query.weight.data.fill_(float("nan"))
    with pytest.raises(ScoringError, match="nothing is explained"):
        explain(NeuralScorer(broken, WORDS, "t", 7), replay(None, SHOPPING, SessionConfig()), ["b"])


def test_unknown_items_have_no_name_and_the_same_explanation_comes_twice(scorer):
    session = replay(None, [*SHOPPING, click(6, item="new")], SessionConfig())
    told = explain(scorer, session, ["b"])
    assert {effect.item_id for effect in told.intent.clicks} == {None, "a", "b"}
    assert item_hash("new") not in map(item_hash, WORDS.ids)
    assert msgspec.json.encode(told.intent) == msgspec.json.encode(explain(scorer, session, ["b"]).intent)


def test_sentences():
    clicks = [
        ClickEffect(4, "add_to_cart", "a", 0.2137, 1.0),
        ClickEffect(5, "view_item", "a", 0.061, 0.4),
        ClickEffect(1, "view_item", "b", -0.0042, -0.1),
        ClickEffect(2, "view_item", "c", 0.00001, 0.0),
    ]
    words = [
        phrases.click_words(event, times, True)
        for event, times in (("add_to_cart", 1), ("view_item", 3), ("view_item", 1))
    ]
    said = phrases.sentence(
        0.2741, clicks, [*words, "viewed an item"], [FeatureEffect("since_visit", -0.01, -0.2)], ""
    )
    assert said == (
        "Purchase probability in this session: 27.41%. The visitor added an item to the cart: +21 percentage "
        "points; viewed the same item for the third time: +6.1 percentage points; viewed an item: -0.42 "
        "percentage points. Features: time since the last visit: -1 percentage point."
    )
    same = phrases.sentence(0.5, clicks[1:3], ["viewed an item"] * 2, [], "")
    assert "viewed an item (click 5): +6.1 percentage points; viewed an item (click 1): -0.42" in same
    nothing = phrases.sentence(0.02, clicks[3:], ["viewed an item"], [], "")
    assert nothing == "Purchase probability in this session: 2%. No click changed it."
    assert [phrases.ordinal(n) for n in (2, 9, 10, 11, 21, 22, 113)] == [
        "second", "ninth", "10th", "11th", "21st", "22nd", "113th",
    ]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS)
def test_a_click_is_told_in_its_own_events_words(scorer, event):
    """From clicks to sentences: on an item, again on it, on an unknown one, on a page, again on it."""
    about, bare, _ = phrases.VERB_PHRASES[event]
    told = [
        click(1, event, item="a"),
        click(2, event, item="a"),
        click(3, event, item="new"),
        click(4, event, item=None, page="/p"),
        click(5, event, item=None, page="/p"),
        click(6, item="b"),
    ]
    known = _clicks(scorer, replay(None, told, SessionConfig()))
    words = [phrases.click_words(one.event, one.times, one.item) for one in known]
    assert words[0] == words[2] == about.format("an item")
    assert words[1] == f"{about.format('the same item')} for the second time"
    assert words[3] == bare
    assert words[4].endswith("for the second time")
    assert "the same page" in words[4]
    reasons = [phrases.because(one.event, one.item_id, one.item) for one in known]
    assert reasons[0] == f"because you {about.format('a')}"
    assert reasons[2] == f"because you {about.format('an item')}"
    assert reasons[3] == f"because you {bare}"
    others = {phrases.because(other, "a") for other in EVENTS if other != event}
    assert reasons[0] not in others


def test_every_event_has_words_and_a_new_one_is_called_by_its_name():
    assert set(phrases.VERB_PHRASES) == set(EVENTS)
    assert phrases.click_words("gift_wrap", 2, True) == (
        'sent the event "gift_wrap" for the same item for the second time'
    )
    assert phrases.because("gift_wrap", None, False) == 'because you sent the event "gift_wrap"'


def test_every_feature_is_called_by_words():
    words = [feature_words(name) for name in COLUMNS]
    assert len(set(words)) == len(words)
    assert not [said for said in words if "_" in said]
    assert feature_words("session_view_item") == "number of item views in this session"
    assert feature_words("earlier_search") == "number of searches in earlier sessions"
    assert feature_words("new_one") == "new one"


def test_numbers_have_units():
    assert [percent(share) for share in (0.0, 0.0001, 0.0523, 0.4, 1.0)] == [
        "0%", "0.01%", "5.23%", "40%", "100%",
    ]  # fmt: skip
    assert [points(change) for change in (0.996, 0.0612, -0.01, 0.0001)] == [
        "+100 percentage points", "+6.1 percentage points", "-1 percentage point", "+0.01 percentage points",
    ]  # fmt: skip
    assert money(1250, "EUR") == "1,250.00 EUR"
    assert money(0.125, "") == "0.125 in the shop's currency"
    assert [minutes(n) for n in (0, 1, 60, 90, 1440)] == [
        "0 minutes", "1 minute", "1 hour", "1 hour 30 minutes", "24 hours",
    ]  # fmt: skip
    assert [often(n, "day") for n in (1, 3)] == ["once a day", "at most 3 times a day"]
