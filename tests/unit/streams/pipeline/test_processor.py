"""Chunks leave no trace in the state, and what is kept in memory is what the state says."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.analytics.analytics_config import AnalyticsConfig
from models.contract.events import EVENTS
from models.decisions.actions import ActionSet
from models.decisions.verify import verify
from models.durations import HOUR_MS, MINUTE_MS
from models.feedback.recommended import Recommended
from models.registry.versions import Version
from models.state import state_keys
from models.state.visitor import decode, encode
from tests.analytics_state import folded, without_analytics
from tests.offline import ACTIONS, Offline, Record, records
from tests.tiny import version as tiny

START = 1_700_000_000_000
INTENT, ITEMS, DECISIONS = "purchase-intent", "recommendations", "ad-decisions"


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(tmp_path_factory.mktemp("registry"), seed=2)


def event(number, visitor="v0", minutes=0.0, **fields):
    known = {
        "event_id": f"e{number}",
        "visitor_id": visitor,
        "event": "view_item",
        "item_id": f"i{number % 30}",
    }
    return {**known, "ts": START + int(minutes * MINUTE_MS), **fields}


@st.composite
def logs(draw):
    """A log of a few visitors: sessions, late and repeated events, outcomes, refusals of consent."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("ann", "bob", "eve")),
                st.sampled_from((0, 0.1, 1, 7, 29, 31, 90, 1500, 4000)),
                st.sampled_from(EVENTS),
                st.integers(0, 35),
                st.sampled_from((0, 0, 0, 2, 20)),
                st.sampled_from((None, None, None, True, False)),
                st.sampled_from((False, False, False, True)),
            ),
            min_size=1,
            max_size=30,
        )
    )
    found, now = [], 0.0
    for number, (visitor, minutes, name, item, back, consent, again) in enumerate(rows):
        now += minutes
        one = event(number, visitor, now - back, event=name, item_id=f"i{item}", category=f"c{item % 3}")
        one |= {"consent": consent} if consent is not None else {}
        one |= {"decision_id": f"e{number - 1}:onsite"} if name in ("select_promotion", "purchase") else {}
        found += [one, found[len(found) // 2]] if again and found else [one]
    return records(found)


def state_of(version, log, size):
    offline = Offline(version)
    offline.run(log, size)
    return plain(offline.state, offline.watermark), offline.watermark


def plain(state, watermark):
    """The state; in place of analytics, which depend on when they were folded, the records they come to."""
    kept = folded(state, AnalyticsConfig().oldest(watermark))
    return {**without_analytics(state), b"analytics": [{**one, "at": 0} for one in kept]}


def without_lists(state, watermark):
    """The state with visitors' records that keep no recommendations."""
    found = dict(state)
    for key in found:
        if key.startswith(state_keys.VISITOR):
            record = decode(found[key])
            record.recommended = Recommended()
            found[key] = encode(record)
    return found, watermark


@settings(max_examples=60, deadline=None)
@given(logs(), st.integers(2, 9))
def test_state_without_a_model_is_the_same_bytes_wherever_chunks_end(log, size):
    """But for the lists that were recommended: what is popular is looked up once a chunk."""
    whole = without_lists(*state_of(None, log, len(log)))
    assert whole == without_lists(*state_of(None, log, 1))
    assert whole == without_lists(*state_of(None, log, size))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs(), st.integers(2, 9))
def test_state_with_a_model_is_the_same_bytes_wherever_chunks_end(version, log, size):
    whole = state_of(version, log, len(log))
    assert whole == state_of(version, log, 1)
    assert whole == state_of(version, log, size)


def neural(offline, log, size):
    """Answers by event id of those that the network gave."""
    found = {}
    for answers in offline.run(log, size):
        for intent, listed in zip(answers.get(INTENT, ()), answers.get(ITEMS, ()), strict=True):
            if intent["rung"] == "neural":
                found[intent["event_id"]] = intent["purchase_probability"], listed["items"]
    return found


@settings(max_examples=40, deadline=None)
@given(logs(), st.integers(2, 9))
def test_the_networks_answers_do_not_depend_on_chunks(version, log, size):
    whole, cut = neural(Offline(version), log, len(log)), neural(Offline(version), log, size)
    assert whole.keys() == cut.keys()
    for event_id, (probability, items) in whole.items():
        assert cut[event_id][0] == pytest.approx(probability, abs=1e-4)
        assert [item["score"] for item in cut[event_id][1]] == pytest.approx(
            [item["score"] for item in items], abs=1e-4
        )


def test_a_swap_rebuilds_hidden_states_as_if_the_new_model_had_seen_all(version, other):
    log = records(event(number, f"v{number % 5}", number * 0.2) for number in range(120))
    swapped, always = Offline(version), Offline(other)
    swapped.run(log[:60], 7)
    swapped.models.current = other
    after, expected = neural(swapped, log[60:], 7), neural(always, log, 7)
    assert len(after) == 60
    for event_id, (probability, items) in after.items():
        assert probability == pytest.approx(expected[event_id][0], abs=1e-4)
        assert [item["item_id"] for item in items] == [item["item_id"] for item in expected[event_id][1]]


def views(count, per_hour=20):
    return [event(n, f"v{n % 7}", n * 60 / per_hour, category=f"c{n % 3}") for n in range(count)]


def test_popularity_after_panes_expired_is_what_the_state_says():
    offline = Offline()
    for at in range(0, 3000, 100):
        offline.run(records(views(3000)[at : at + 100]), 13)
        rebuilt = offline.rebuilt_popularity()
        assert offline.popularity._own == rebuilt._own
        assert offline.popularity._all == rebuilt._all
        assert offline.popularity._by_category == rebuilt._by_category
    first = START // HOUR_MS
    assert min(int.from_bytes(k[2:6], "big") for k in offline.state if k.startswith(b"pi")) > first


def test_popularity_keeps_its_own_counts_over_a_swap(version, other):
    offline = Offline(version)
    offline.run(records(views(200)), 10)
    offline.models.current = other
    offline.run(records(views(220)[200:], 200), 10)
    assert offline.popularity.version == other.id
    assert offline.popularity._own == offline.rebuilt_popularity()._own
    fresh = offline.rebuilt_popularity().with_prior_of(other.prior)
    assert offline.popularity._all == fresh._all


def test_no_timer_of_the_state_is_missed():
    offline, looks = Offline(), 0
    for number in range(400):
        offline.process(records([event(number, f"v{number % 11}", number * 17)]))
        known, first = (it.pipeline.caches[0].next_timer for it in (offline, Offline(reader=offline.reader)))
        assert known <= first
        looks += known == first
        assert first > offline.watermark // 60_000
    assert looks


def test_a_tick_ends_sessions_of_who_never_came_back():
    offline = Offline()
    offline.process(records([event(0)]))
    before = dict(offline.state)
    assert offline.process([], START + 10 * MINUTE_MS).state == []
    assert dict(offline.state) == before
    offline.process([], START + 32 * MINUTE_MS)
    known = offline.lookups.look_up("v0")
    assert known is not None
    assert known["state"]["ended"] is True
    assert offline.metrics.timers.labels("ended")._value.get() == 1


def test_expiry_deletes_the_visitor():
    offline = Offline()
    offline.process(records([event(0)]))
    offline.process([], START + 400 * 24 * HOUR_MS)
    assert offline.lookups.look_up("v0") is None
    assert without_analytics(offline.state) == {}


def test_look_up_gives_the_last_three_answers_whatever_else_was_in_the_chunk():
    offline = Offline()
    chunk = records([event(0, "ann"), event(1, "bob"), event(2, "ann")])
    bad = Record(3, START, b"ann", b"no json")
    offline.process([bad, *chunk])
    for visitor, number in (("ann", 2), ("bob", 1)):
        known = offline.lookups.look_up(visitor)
        assert known is not None
        answers = [json.loads(answer) for answer in known["answers"]]
        assert [answer["event_id"] for answer in answers] == [f"e{number}"] * 3
        assert "purchase_probability" in answers[0]
        assert "items" in answers[1]
        assert "propensity" in answers[2]
    assert offline.lookups.look_up("nobody") is None


def test_each_click_gets_three_answers_in_order_under_its_own_key():
    offline = Offline()
    log = records(event(number, f"v{number % 3}", number) for number in range(20))
    outputs = offline.process(log).outputs
    assert set(outputs) == {INTENT, ITEMS, DECISIONS}
    for messages in outputs.values():
        assert [key for key, _, _ in messages] == [record.key for record in log]
        assert [json.loads(value)["event_id"] for _, value, _ in messages] == [f"e{n}" for n in range(20)]


def test_every_decision_can_be_recomputed_from_its_record(version):
    offline = Offline(version)
    actions = ActionSet.load(ACTIONS)
    log = records(
        event(n, f"v{n % 4}", n * 0.7, event=EVENTS[n % len(EVENTS)], price=9.5) for n in range(200)
    )
    decisions = [one for answers in offline.run(log, 9) for one in answers.get(DECISIONS, ())]
    assert len(decisions) > 150
    assert [verify(one, actions) for one in decisions] == [[]] * len(decisions)


def test_without_consent_the_popular_rung_answers_and_nothing_is_kept(version):
    offline = Offline(version)
    (answers,) = offline.run(records([event(0), event(1, consent=False, minutes=1)]), 2)
    assert [one["rung"] for one in answers[INTENT]] == ["neural", answers[INTENT][1]["rung"]]
    assert answers[INTENT][1]["rung"].startswith("popular")
    assert answers[DECISIONS][1]["action"] == "nothing"
    known = offline.lookups.look_up("v0")
    assert known is not None
    assert (known["state"]["codes"], known["state"]["hidden"], known["state"]["seen"]) == ("", "", "")


def test_a_repeated_event_is_answered_by_nothing_and_counted():
    offline = Offline()
    log = records([event(0), event(0), event(1, minutes=1)])
    (answers,) = offline.run(log, 3)
    assert [one["event_id"] for one in answers[INTENT]] == ["e0", "e1"]
    assert offline.process(records([event(1, minutes=1)], 3)).outputs == {}
    assert offline.metrics.duplicates._value.get() == 2


def test_a_late_event_is_a_dead_letter():
    offline = Offline()
    offline.process(records([event(0, minutes=60)]))
    effects = offline.process(records([event(1, minutes=0)], 1))
    ((key, value, headers),) = effects.outputs["clicks-dead-letter"]
    assert (key, dict(headers)["reason"]) == (b"v0", b"late")
    assert json.loads(value)["event_id"] == "e1"
    assert re.match(
        r"ts is \d{13} \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\), ", dict(headers)["message"].decode()
    )
    assert offline.metrics.dead_letters.labels("late")._value.get() == 1


def test_nothing_outside_changes_before_the_commit(version):
    offline = Offline(version)
    offline.process(records(views(30)))
    memory = offline.pipeline.caches[0]
    before = (
        dict(memory.popularity._own),
        memory.next_timer,
        list(memory.answers.chunks),
        dict(offline.state),
    )
    committed, offline.commit = offline.commit, lambda effects: None
    first = offline.process(records(views(60)[30:], 30))
    again = offline.process(records(views(60)[30:], 30))
    assert before == (
        dict(memory.popularity._own),
        memory.next_timer,
        list(memory.answers.chunks),
        dict(offline.state),
    )
    assert first.state == again.state
    committed(first)
    assert [len(chunk.visitors) for chunk in memory.answers.chunks] == [30, 30]


def test_the_tiny_version_is_found_where_it_was_saved(version: Version) -> None:
    assert isinstance(version.path, Path)
    assert version.path.name == version.id
