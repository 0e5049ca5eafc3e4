"""The join in the pipeline: each decision but `none` ends in exactly one record, whatever the chunks."""

import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract.rewards import RecommendationOutcome, Reward
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import policy_of
from models.durations import DAY_MS, HOUR_MS
from models.privacy.envelope import Envelopes
from models.privacy.keyring import Keyring
from models.state import state_keys
from streams.pipeline.served_policy import ServedPolicy
from tests.offline import Offline, Record, processing_config, records

T0 = 1_790_000_000_000
DECISIONS, REWARDS, LISTS = "ad-decisions", "rewards", "recommendation-outcomes"
AFTER = T0 + 3 * DAY_MS


#: Without caps, so that most decisions are of an action.
ACTIONS = """
placement = "shop"
epsilon = 0.9
actions = [
    { name = "nothing", kind = "none" },
    { name = "ad", kind = "ad", weight = 2.0, when = { events = ["view_item"] } },
    { name = "coupon", kind = "coupon", cost = 5.0, explore_when = {} },
]
"""


def event(number, visitor="v", at=0, **fields):
    return {
        "event_id": f"e{number}",
        "visitor_id": visitor,
        "ts": T0 + at,
        "event": "view_item",
        "item_id": "i1",
        **fields,
    }


def last(number=999_999, at=3 * DAY_MS):
    """A click of another visitor, much later: its watermark closes all windows."""
    return event(number, "clock", at)


class Shop(Offline):
    """Collects what is published by topic."""

    def __init__(self, **given):
        super().__init__(actions=ACTIONS, **given)
        self.published = {}

    def take(self, chunk, idle_to=0):
        effects = self.process(chunk, idle_to)
        for topic, messages in effects.outputs.items():
            self.published.setdefault(topic, []).extend(messages)
        return effects

    def told(self, topic):
        return [json.loads(value) for _, value, _ in self.published.get(topic, ())]

    def made(self):
        return [one for one in self.told(DECISIONS) if one["action"] != "nothing"]

    def kept(self):
        return list(self.state.scan(state_keys.DECISION))


def play(events, size, **given):
    shop = Shop(**given)
    found = records(events)
    for at in range(0, len(found), size):
        shop.take(found[at : at + size])
    return shop


def browsing(count, visitors=3):
    return [event(number, f"v{number % visitors}", 60_000 * number) for number in range(count)]


def comparable(shop):
    return sorted(msgspec.json.encode(one) for one in shop.told(REWARDS))


@pytest.mark.parametrize("size", [1, 7, 200])
def test_each_decision_ends_in_one_record_that_repeats_it(size):
    shop = play([*browsing(60), last()], size)
    made = {one["decision_id"]: one for one in shop.made() if one["visitor_id"] != "clock"}
    assert len(made) > 20
    rewards = [msgspec.convert(one, Reward, strict=True) for one in shop.told(REWARDS)]
    assert Counter(one.decision_id for one in rewards) == Counter(dict.fromkeys(made, 1))
    for one in rewards:
        decision = made[one.decision_id]
        for name in ("visitor_id", "placement", "action", "propensity", "probabilities", "policy_version"):
            assert getattr(one, name) == decision[name]
        assert msgspec.to_builtins(one.context) == decision["context"]
        assert one.model_version == decision["model_version"]
        assert (one.decided_at, one.closed_at) == (decision["ts"], decision["ts"] + DAY_MS)
        assert (one.ended, one.outcomes, one.reward) == ("window", [], 0.0)
    keys = {key for key, _, _ in shop.published[REWARDS]}
    assert keys == {b"v0", b"v1", b"v2"}
    # Only the clock's own decision, if it has one, is still open.
    assert len(shop.kept()) == len(shop.made()) - len(made)


def with_outcomes(decided):
    """Outcomes of decisions that a first run has made: shown, clicked late, bought twice, one too late."""
    told = []
    for number, one in enumerate(decided):
        at, named = one["ts"] - T0, {"visitor": one["visitor_id"], "decision_id": one["decision_id"]}
        told += [
            event(1000 + number, at=at + 20_000, **named) | {"event": "view_promotion"},
            event(2000 + number, at=at + 2 * HOUR_MS, **named) | {"event": "purchase", "value": 50.0},
            event(3000 + number, at=at + 3 * HOUR_MS, **named) | {"event": "purchase", "value": 70.0},
            event(4000 + number, at=at + DAY_MS, **named) | {"event": "rate_item", "rating": 4},
        ]
    return told


def test_outcomes_are_joined_whatever_the_chunks():
    first = play(browsing(30), 30)
    decided = first.made()
    events = sorted([*browsing(30), *with_outcomes(decided[:5]), last()], key=lambda one: one["ts"])
    shops = [play(events, size) for size in (1, 11, 1000)]
    assert comparable(shops[0]) == comparable(shops[1]) == comparable(shops[2])
    rewards = {one["decision_id"]: one for one in shops[0].told(REWARDS)}
    for one in decided[:5]:
        reward = rewards[one["decision_id"]]
        assert [(o["event"], o.get("value", 0)) for o in reward["outcomes"]] == [
            ("shown", 0),
            ("bought", 50.0),
        ]
        assert reward["parts"]["value"] == 50.0
        assert reward["parts"]["margin"] == 15.0
    assert shops[0].metrics.outcomes.labels("decision", "bought", "repeated")._value.get() == 5
    assert shops[0].metrics.outcomes.labels("decision", "rated", "expired")._value.get() == 5


def test_an_outcome_before_its_decision_and_a_dismissal():
    decided = play(browsing(30), 30).made()[0]
    named = {"visitor": decided["visitor_id"], "decision_id": decided["decision_id"]}
    early = event(5000, at=0, **named) | {"event": "select_promotion"}
    dismissed = event(5001, at=decided["ts"] - T0 + 1000, **named) | {"event": "dismiss_promotion"}
    events = sorted([*browsing(30), dismissed, last()], key=lambda one: one["ts"])
    shop = play([early, *events], 8)
    (reward,) = [one for one in shop.told(REWARDS) if one["decision_id"] == decided["decision_id"]]
    assert [one["event"] for one in reward["outcomes"]] == ["clicked", "dismissed"]
    assert reward["parts"] == {"clicked": 1.0, "dismissed": 1.0}


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_however_it_is_cut_the_records_are_the_same(data):
    decided = play(browsing(20), 20).made()
    told = data.draw(st.lists(st.sampled_from(with_outcomes(decided)), unique_by=lambda one: one["event_id"]))
    events = sorted([*browsing(20), *told, last()], key=lambda one: one["ts"])
    whole, found, shop = play(events, 1000), records(events), Shop()
    while found:
        size = data.draw(st.integers(1, 20))
        shop.take(found[:size])
        found = found[size:]
    assert comparable(shop) == comparable(whole)
    assert shop.state == whole.state or sorted(shop.kept()) == sorted(whole.kept())


def test_a_busy_visitors_oldest_decisions_end_early():
    shop = play([event(n, "v", 1000 * n) for n in range(120)], 50)
    made = [one["decision_id"] for one in shop.made()]
    assert len(made) > 70
    early = shop.told(REWARDS)
    assert {one["ended"] for one in early} == {"evicted"}
    assert [one["decision_id"] for one in early] == made[: len(made) - 64]
    assert len(shop.kept()) == 64
    shop.take(records([last()]))
    ended = Counter(one["decision_id"] for one in shop.told(REWARDS))
    assert ended == Counter(dict.fromkeys(made, 1))


def test_a_visitor_who_expires_has_no_open_decision():
    shop = play([*browsing(20), event(5, "clock", 400 * DAY_MS)], 10)
    made = {one["decision_id"] for one in shop.made() if one["visitor_id"] != "clock"}
    assert {one["decision_id"] for one in shop.told(REWARDS)} == made
    assert not [key for key, _ in shop.state.scan(b"v") if not key.startswith(b"vclock")]


def test_refusing_and_erasure_leave_no_record_and_are_counted():
    events = [event(n, "v", 1000 * n) for n in range(20)]
    shop = play(events, 20)
    made = len(shop.made())
    shop.take(records([event(50, "v", 30_000, consent=False), last()]))
    assert shop.told(REWARDS) == []
    assert shop.metrics.decisions_ended.labels("withdrawn")._value.get() == made
    assert not [key for key, _ in shop.kept() if key.startswith(b"dv")]


def erasure(visitor):
    return Record(0, T0, visitor.encode(), None, [("pathcast-forget", b"request")])


@pytest.mark.parametrize("size", [1, 1000])
def test_an_erased_visitors_decisions_leave_the_state(size):
    before = records([event(n, "v", 1000 * n) for n in range(20)])
    after = records([event(100 + n, "v", 60_000 + 1000 * n) for n in range(5)])
    shop, found = Shop(), [*before, erasure("v"), *after]
    for at in range(0, len(found), size):
        shop.take(found[at : at + size])
    made = [one["decision_id"] for one in shop.made()]
    old = [one for one in made if int(one[1:].partition(":")[0]) < 100]
    assert shop.metrics.decisions_ended.labels("erased")._value.get() == len(old)
    assert len(shop.kept()) == len(made) - len(old)
    shop.take(records([last()]))
    assert sorted(one["decision_id"] for one in shop.told(REWARDS)) == sorted(set(made) - set(old))


def test_decisions_from_before_the_join_are_counted():
    shop = play(browsing(20), 20)
    for key, _ in shop.kept():
        del shop.state[key]
    shop.take(records([last()]))
    assert shop.told(REWARDS) == []
    assert shop.metrics.decisions_ended.labels("missing")._value.get() == len(shop.made()) - sum(
        one["visitor_id"] == "clock" for one in shop.made()
    )


def test_time_alone_closes_windows():
    shop = play(browsing(20), 20)
    made = len(shop.made())
    shop.take([], idle_to=AFTER)
    assert len(shop.told(REWARDS)) == made
    assert shop.kept() == []


def test_records_are_sealed_where_answers_are():
    envelopes = Envelopes(b"k" * 32)
    shop = Shop(envelopes=envelopes)
    shop.take(records(browsing(20)))
    shop.take(records([last()]))
    values = [value for _, value, _ in shop.published[REWARDS]]
    assert values
    assert not any(value.startswith(b"{") or b"decision_id" in value for value in values)
    keys = Keyring(envelopes)
    for visitor, wrapped, _ in shop.published["visitor-keys"]:
        keys.take(0, visitor, wrapped)
    opened = [keys.open("rewards", 0, visitor, value) for visitor, value, _ in shop.published[REWARDS]]
    made = Counter(msgspec.json.decode(value, type=Reward).visitor_id for value in opened)
    assert set(made) == {"v0", "v1", "v2"}


@pytest.mark.parametrize("size", [1, 100])
def test_recommendations_are_joined(size, tmp_path):
    from tests.tiny import version as tiny

    version = tiny(tmp_path)
    first = Shop(version=version)
    first.take(records(browsing(6, 1)))
    answer = first.told("recommendations")[2]
    third = answer["items"][2]["item_id"]
    named = {"visitor": "v0", "recommendation_id": answer["event_id"]}
    at = answer["ts"] - T0
    told = [
        event(10, at=at + 1000, **named) | {"event": "view_item_list", "item_id": None},
        event(11, at=at + 2000, **named) | {"event": "select_item", "item_id": third},
        event(12, at=at + 3000, **named) | {"event": "purchase", "item_id": third, "value": 9.0},
        event(13, at=at + 4000, visitor="v0", recommendation_id="nobody") | {"event": "select_item"},
    ]
    events = sorted([*browsing(6, 1), *told, last()], key=lambda one: one["ts"])
    shop = Shop(version=version)
    found = records(events)
    for start in range(0, len(found), size):
        shop.take(found[start : start + size])
    (one,) = [msgspec.convert(value, RecommendationOutcome) for value in shop.told(LISTS)]
    assert (one.recommendation_id, one.model_version, one.rung) == (
        answer["event_id"],
        answer["model_version"],
        answer["rung"],
    )
    assert one.items == len(answer["items"])
    assert [(o.event, o.position) for o in one.outcomes] == [("shown", 0), ("clicked", 3), ("bought", 3)]
    assert shop.metrics.recommendations_ended.labels("unknown")._value.get() == 1


def test_settings_change_the_window():
    shop = play([*browsing(20), last(at=2 * HOUR_MS)], 5, rules=processing_config(attribution_hours=1.0))
    assert {one["closed_at"] - one["decided_at"] for one in shop.told(REWARDS)} == {HOUR_MS}


PLACES = """
[reward]
value = 1.0
margin = 0.0

[[placements]]
placement = "top"
epsilon = 0.9
actions = [
    { name = "nothing", kind = "none" },
    { name = "ad", kind = "ad", creatives = ["red", "blue"], when = { events = ["view_item"] } },
]

[[placements]]
placement = "side"
epsilon = 0.9
reward = { click = 2.0 }
actions = [{ name = "nothing", kind = "none" }, { name = "nudge", kind = "nudge", when = {} }]
"""


class Places:
    """The policies of a file's placements."""

    def __init__(self, text):
        self._served = [ServedPolicy(policy_of(one)) for one in ActionSet.load_all(text)]

    def of(self, _version):
        return self._served[0]

    def every(self, _version):
        return self._served


def test_each_placements_decisions_have_their_creative_and_their_own_mix():
    shop = Shop()
    shop.pipeline.policies = Places(PLACES)
    shop.take(records(browsing(30)))
    made = {one["decision_id"]: one for one in shop.made()}
    assert {one["placement"] for one in made.values()} == {"top", "side"}
    told = []
    for number, one in enumerate(made.values()):
        named = {"visitor": one["visitor_id"], "decision_id": one["decision_id"]}
        at = 3_600_000 + number
        told.append(event(1000 + number, at=at, **named) | {"event": "select_promotion"})
        told.append(event(2000 + number, at=at + 500, **named) | {"event": "purchase", "value": 10.0})
    shop.take(records(sorted(told, key=lambda one: one["ts"])))
    shop.take(records([last()]))
    rewards = {one["decision_id"]: one for one in shop.told(REWARDS)}
    for name, decision in made.items():
        one = rewards[name]
        assert one["placement"] == decision["placement"]
        assert one.get("creative") == decision.get("creative")
        assert one["reward"] == (10.0 if decision["placement"] == "top" else 2.0 + 3.0)
    assert {one.get("creative") for one in rewards.values()} >= {"red", "blue", None}
