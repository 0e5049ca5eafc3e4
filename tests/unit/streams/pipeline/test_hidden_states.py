"""After a swap hidden states are made again within a budget; a lower tier answers meanwhile."""

from collections import Counter

import pytest

from models.state import visitor
from models.state.state_keys import VISITOR
from tests.offline import Offline, processing_config, records
from tests.tiny import version as tiny
from tests.unit.streams.pipeline.test_processor import ITEMS, event

START, GAP = 1_700_000_000_000, 30 * 60_000
VISITORS = 40
INTENT = "purchase-intent"


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    return tiny(folder, 1), tiny(folder, 2), tiny(folder, 3, encoder="transformer")


def offline(version, rebuilds=8, recent=1000):
    rules = processing_config(rebuilds_per_chunk=rebuilds, recent_visitors=recent)
    return Offline(version, rules)


def clicks(round_, visitors=range(VISITORS), at=None):
    """One click of each visitor; rounds are a minute apart."""
    return records(
        {
            "event_id": f"e{round_}-{number}",
            "visitor_id": f"v{number}",
            "event": "view_item",
            "item_id": f"i{(number + round_) % 30}",
            "ts": START + 60_000 * round_ + number if at is None else at,
        }
        for number in visitors
    )


def tiers(one, round_, **options):
    """How often each tier answered a round, and under which version."""
    intents = one.answers(one.process(clicks(round_, **options)))[INTENT]
    return Counter(answer["rung"] == "neural" for answer in intents), {a["model_version"] for a in intents}


def test_a_chunk_rebuilds_so_many_and_a_lower_rung_answers_the_others(versions):
    old, new, _ = versions
    one = offline(old)
    assert tiers(one, 0) == (Counter({True: VISITORS}), {old.id})
    one.models.current = new
    found = [tiers(one, round_)[0][True] for round_ in range(1, 7)]
    # Who has a state keeps it up; each pass makes 8 more.
    assert found == [8, 16, 24, 32, 40, 40]
    assert one.metrics.hidden_rebuilt._value.get() == VISITORS
    assert one.metrics.hidden_deferred._value.get() == 32 + 24 + 16 + 8
    assert one.metrics.hidden_outdated._value.get() == 0


def test_what_is_rebuilt_is_what_the_version_would_have_made_itself(versions):
    old, new, _ = versions
    swapped, always = offline(old), offline(new)
    for round_ in range(3):
        swapped.process(clicks(round_))
        always.process(clicks(round_))
    swapped.models.current = new
    for round_ in range(3, 10):
        swapped.process(clicks(round_))
        always.process(clicks(round_))
    for key, value in always.state.items():
        if key.startswith(VISITOR):
            expected, found = visitor.decode(value), visitor.decode(swapped.state[key])
            assert (found.hidden, found.hidden_model) == (expected.hidden, new.id64)


def test_between_chunks_the_latest_visitors_come_first(versions):
    old, new, _ = versions
    one = offline(old)
    for number in range(VISITORS):
        one.process(clicks(0, [number]))
    one.models.current = new
    one.process(clicks(1, [0]))
    recent = one.pipeline.caches[0].recent
    made = {key for key, known in recent.items() if visitor.decode(known).hidden_model == new.id64}
    # The one who clicked, and with what was left of 8 those who clicked last before.
    assert made == {VISITOR + f"v{number}".encode() for number in (0, *range(VISITORS - 7, VISITORS))}
    for round_ in range(2, 8):
        one.process(clicks(round_, [0]))
    assert {visitor.decode(known).hidden_model for known in recent.values()} == {new.id64}
    # Nobody clicked, so nothing was written: the records follow with their visitors' clicks.
    assert visitor.decode(one.state[VISITOR + b"v20"]).hidden_model == old.id64
    assert tiers(one, 9)[0] == Counter({True: VISITORS})


def test_a_session_that_starts_anew_needs_no_rebuilding(versions):
    old, new, _ = versions
    one = offline(old, rebuilds=0)
    one.process(clicks(0))
    one.models.current = new
    assert tiers(one, 1, at=START + 2 * GAP)[0] == Counter({True: VISITORS})
    assert one.metrics.hidden_rebuilt._value.get() == 0


def test_without_a_budget_the_lower_rung_answers_until_the_session_ends(versions):
    old, new, _ = versions
    one = offline(old, rebuilds=0, recent=10)
    one.process(clicks(0))
    one.models.current = new
    for round_ in range(1, 5):
        assert tiers(one, round_) == (Counter({False: VISITORS}), {new.id})
        assert len(one.pipeline.caches[0].outdated) <= 10


def test_an_encoder_that_carries_nothing_has_nothing_to_rebuild(versions):
    old, _, windowed = versions
    one = offline(old, rebuilds=0)
    one.process(clicks(0))
    one.models.current = windowed
    assert tiers(one, 1)[0] == Counter({True: VISITORS})
    one.models.current = old
    assert tiers(one, 2)[0] == Counter({False: VISITORS})


def test_answers_are_counted_by_version_and_old_counts_go(versions, tmp_path):
    one = offline(None)
    names = []
    for seed in range(8):
        one.models.current = tiny(tmp_path, seed)
        names.append(one.models.current.id)
        one.process(clicks(seed, [0]))
    shown = {sample.labels["version"] for sample in one.metrics.versions.collect()[0].samples}
    assert shown == set(names[-5:])


def test_a_session_that_goes_on_after_its_end_is_scored_as_if_it_had_not_ended(versions):
    version = versions[0]
    answers = []
    for others in ([], [event(50, "w", 40)]):
        one = offline(version)
        one.process(records([event(number, "v", number) for number in range(3)]))
        one.process(records(others))
        known = visitor.decode(one.state[VISITOR + b"v"])
        assert (known.ended, known.hidden == b"") == (bool(others), bool(others))
        told = one.answers(one.process(records([event(9, "v", 10)])))
        answers.append({name: without_clock(told[name][0]) for name in (INTENT, ITEMS)})
        assert visitor.decode(one.state[VISITOR + b"v"]).hidden_at == 4
    assert answers[0] == answers[1]


def without_clock(answer):
    return {name: value for name, value in answer.items() if name != "scored_at"}
