"""Outcomes late, twice, before their decision, in any order, or never: the joined record is the same."""

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

import deploy
from models.contract.events import Click
from models.decisions.actions import ActionSet
from models.durations import DAY_MS
from models.feedback import recommended
from models.feedback import visitor_outcomes as outcomes
from models.feedback.recommended import ClosedList, Recommended, tag_of
from models.feedback.visitor_outcomes import KINDS
from models.state.exposure import (
    MAX_OPEN,
    Closed,
    Exposure,
    ExposureConfig,
    apply_outcome,
    close,
    decision_hash,
    record,
    withdraw,
)

ACTIONS = ActionSet.load((Path(deploy.__file__).parent / "data" / "actions.toml").read_bytes())
AD = ACTIONS.names.index("ad_bestsellers")
CONFIG = ExposureConfig()
WINDOW = CONFIG.attribution_ms
T0 = 19_000 * DAY_MS
EVENTS = {
    "view_promotion": "shown",
    "select_promotion": "clicked",
    "purchase": "bought",
    "rate_item": "rated",
}


def click(event, ts, decision=None, **fields):
    return Click(event_id="e", visitor_id="v", ts=ts, event=event, decision_id=decision, **fields)


#: Decisions' times, and outcomes: decision, event, time, amount.
DECISIONS = st.dictionaries(st.integers(0, 5), st.integers(0, DAY_MS), max_size=6)
OUTCOMES = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from(list(EVENTS)), st.integers(-DAY_MS, 3 * DAY_MS), st.integers(0, 9)
    ),
    max_size=40,
)


def played(steps):
    """What an exposure comes to at the end of time: outcomes by decision."""
    exposure = Exposure()
    for step in steps:
        if len(step) == 2:
            record(exposure, ACTIONS, AD, f"d{step[0]}", T0 + step[1])
        else:
            decision, event, at, amount = step
            apply_outcome(
                exposure, click(event, T0 + at, f"d{decision}", value=amount, rating=amount), CONFIG
            )
    found = {}
    for one in close(exposure, T0 + 100 * DAY_MS, CONFIG):
        if one.action:
            assert one.decision not in found
            found[one.decision] = outcomes.published(one.happened, one.ts, WINDOW)
    assert exposure.outcomes == exposure.open == exposure.parked == b""
    return found


def plainly(decisions, told):
    """The same by definition: of each kind the earliest within the window, of equally early the smallest."""
    found = {}
    for decision, decided in decisions.items():
        kinds = {}
        for named, event, at, amount in told:
            if named == decision and at - decided < WINDOW:
                value = float(amount) if event in ("purchase", "rate_item") else 0.0
                kinds.setdefault(EVENTS[event], []).append((T0 + at, value))
        made = [outcomes.JoinedOutcome(kind, *min(times)) for kind, times in kinds.items()]
        found[decision_hash(f"d{decision}")] = sorted(made, key=lambda one: (one.at, KINDS.index(one.event)))
    return found


@given(DECISIONS, OUTCOMES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(decisions, told, random):
    steps = [*decisions.items(), *told, *told[:3]]
    random.shuffle(steps)
    assert played(steps) == plainly(decisions, told)


def test_a_decision_without_an_outcome_ends_too():
    assert played([(0, 5)]) == {decision_hash("d0"): []}


def test_an_outcome_that_the_event_states_goes_before_its_name():
    exposure = Exposure()
    record(exposure, ACTIONS, AD, "d", T0)
    apply_outcome(exposure, click("view_promotion", T0 + 1, "d", outcome="dismissed"), CONFIG)
    (closed,) = close(exposure, T0 + WINDOW, CONFIG)
    assert [one.event for one in outcomes.published(closed.happened, T0, WINDOW)] == ["dismissed"]


def test_a_displaced_decision_takes_its_outcomes_along():
    exposure, pushed = Exposure(), []
    for number in range(MAX_OPEN + 3):
        made = record(exposure, ACTIONS, AD, f"d{number}", T0 + number)
        pushed += [made] if made else []
        apply_outcome(exposure, click("view_promotion", T0 + number + 1, f"d{number}"), CONFIG)
    assert [one.decision for one in pushed] == [decision_hash(f"d{number}") for number in range(3)]
    assert all(one.evicted and len(one.happened) == outcomes.WIDTH for one in pushed)
    assert len(exposure.outcomes) == MAX_OPEN * outcomes.WIDTH
    assert len(withdraw(exposure)) == MAX_OPEN


def listed(*names):
    return b"".join(tag_of(name).to_bytes(2, "little") for name in names)


def test_a_recommendation_knows_the_position_of_what_was_followed():
    known = Recommended()
    recommended.note(known, "r", T0, 0, b"model-1", listed("a", "b", "c"))
    for ts, event, item in (
        (T0 + 9, "select_item", "b"),
        (T0 + 8, "view_item_list", None),
        (T0 + 10, "view_item", "b"),
        (T0 + 20, "purchase", "b"),
        (T0 + 21, "rate_item", "elsewhere"),
    ):
        told = recommended.follow(
            known, click(event, ts, recommendation_id="r", item_id=item, value=5.0, rating=4.0), WINDOW
        )
        assert told == ("applied", [])
    (closed,) = recommended.close(known, T0 + WINDOW, WINDOW)
    assert (closed.followed.model, closed.followed.tier) == ("model-1", 0)
    told = outcomes.published(closed.happened, T0, WINDOW, closed.followed.tags)
    assert [(one.event, one.position, one.value) for one in told] == [
        ("shown", 0, 0.0),
        ("clicked", 2, 0.0),
        ("bought", 2, 5.0),
        ("rated", 0, 4.0),
    ]
    assert known.followed == []
    assert known.outcomes == b""


@given(st.permutations(["list", "shown", "clicked", "late"]))
def test_outcomes_before_their_recommendation_are_joined_to_it(order):
    known = Recommended()
    for what in order:
        if what == "list":
            recommended.note(known, "r", T0, 3, b"m", listed("a", "b"))
        elif what == "late":
            recommended.follow(
                known, click("select_item", T0 + WINDOW, recommendation_id="r", item_id="a"), WINDOW
            )
        else:
            event = {"shown": "view_item_list", "clicked": "select_item"}[what]
            recommended.follow(known, click(event, T0 + 5, recommendation_id="r", item_id="b"), WINDOW)
    closed = recommended.close(known, T0 + 3 * WINDOW, WINDOW)
    assert [one.followed.tags for one in closed] == [listed("a", "b")]
    told = outcomes.published(closed[0].happened, T0, WINDOW, closed[0].followed.tags)
    assert [(one.event, one.position) for one in told] == [("shown", 2), ("clicked", 2)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["list", "follow"]),
            st.integers(0, 30),
            st.integers(0, 3 * DAY_MS),
            st.integers(0, 30),
        ),
        max_size=120,
    ),
    st.tuples(st.integers(0, 5 * DAY_MS), st.integers(0, 5 * DAY_MS)).map(sorted),
)
def test_closing_composes_and_the_record_stays_bounded(steps, marks):
    once, left = Recommended(), list[ClosedList]()
    for what, number, at, item in steps:
        if what == "list":
            recommended.note(once, f"r{number}", T0 + at, 1, b"m" * 30, listed(*map(str, range(20))))
        else:
            told = recommended.follow(
                once,
                click("select_item", T0 + at, recommendation_id=f"r{number}", item_id=str(item)),
                WINDOW,
            )
            left += told[1] if told else []
    assert len(once.lists) <= recommended.LISTS_BYTES
    assert len(once.followed) <= recommended.MAX_FOLLOWED
    assert len(once.outcomes) <= recommended.OUTCOMES_BYTES
    record_of = msgspec.msgpack.encode(once)
    twice = msgspec.msgpack.decode(record_of, type=Recommended)
    assert msgspec.msgpack.encode(twice) == record_of
    first, second = (T0 + mark for mark in marks)
    parts = recommended.close(twice, first, WINDOW) + recommended.close(twice, second, WINDOW)
    assert parts == recommended.close(once, second, WINDOW)
    assert twice == once
    assert all(one.evicted for one in left)
    assert recommended.next_due(once, WINDOW) > second


def test_what_is_known_of_a_closed_decision_is_a_transition():
    assert Closed(1, 2, 3, 4).happened == b""
