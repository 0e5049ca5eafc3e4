"""Exposure: caps bind, outcomes find their decisions, closing composes, and nothing grows without bound."""

from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deploy
from models.contract.decision_context import Context
from models.contract.events import Click
from models.decisions.actions import ActionSet
from models.decisions.decision import decide, decision_id, draw_of
from models.decisions.rules_policy import RulesPolicy
from models.durations import DAY_MS
from models.feedback import visitor_outcomes as outcomes
from models.feedback.visitor_outcomes import Happened
from models.state import frequency_caps, pending
from models.state.exposure import (
    CLICKED,
    MAX_OPEN,
    MAX_PARKED,
    NEVER,
    PURCHASED,
    RATED,
    SHOWN,
    Closed,
    Exposure,
    ExposureConfig,
    Outcome,
    apply_outcome,
    close,
    decision_hash,
    mask,
    next_due,
    record,
    session_started,
)
from models.state.frequency_caps import MAX_SERVING_COUNTS, ServingCount
from models.state.pending import Pending

ACTIONS = ActionSet.load((Path(deploy.__file__).parent / "data" / "actions.toml").read_bytes())
CONFIG = ExposureConfig()
T0 = 19_000 * DAY_MS + 8 * 3_600_000
MINUTE = 60_000
COUPON = ACTIONS.names.index("coupon_10_percent")
AD = ACTIONS.names.index("ad_bestsellers")
NUDGE = ACTIONS.names.index("nudge_checkout")
EVENTS = ["view_promotion", "select_promotion", "purchase", "rate_item", "view_item"]


def click(event: str, ts: int, decision: str | None = "d") -> Click:
    return Click(event_id="e", visitor_id="v", ts=ts, event=event, decision_id=decision)


def servings(exposure: Exposure) -> dict[int, ServingCount]:
    return frequency_caps.unpack(exposure.servings)


def opened(exposure: Exposure) -> list[Pending]:
    return pending.unpack(exposure.open)


def parked(exposure: Exposure) -> list[Pending]:
    return pending.unpack(exposure.parked)


def allowed(exposure: Exposure, position: int, ts: int) -> bool:
    return bool(mask(exposure, ACTIONS, ts) >> position & 1)


def served(position: int, *times: int) -> Exposure:
    exposure = Exposure()
    for at in times:
        record(exposure, ACTIONS, position, f"d{at}", at)
    return exposure


def test_everything_is_allowed_at_first_and_only_nothing_without_consent() -> None:
    assert mask(Exposure(), ACTIONS, T0) == ACTIONS.all_bits
    assert mask(Exposure(), ACTIONS, T0, consent=False) == 1 << ACTIONS.none


def test_cooldown_ends_after_its_minutes_and_binds_clicks_that_come_out_of_order() -> None:
    exposure = served(AD, T0)
    assert not allowed(exposure, AD, T0 + 2 * MINUTE - 1)
    assert not allowed(exposure, AD, T0 - MINUTE)
    assert allowed(exposure, AD, T0 + 2 * MINUTE)
    assert allowed(exposure, COUPON, T0)


def test_the_session_cap_binds_until_a_session_starts() -> None:
    exposure = served(NUDGE, T0, T0 + 10 * MINUTE)
    later = T0 + 60 * MINUTE
    assert not allowed(exposure, NUDGE, later)
    session_started(exposure)
    assert allowed(exposure, NUDGE, later)


def test_the_day_cap_binds_until_midnight_utc() -> None:
    exposure = served(NUDGE, T0, T0 + 10 * MINUTE, T0 + 20 * MINUTE)
    session_started(exposure)
    midnight = (T0 // DAY_MS + 1) * DAY_MS
    assert not allowed(exposure, NUDGE, midnight - 1)
    assert allowed(exposure, NUDGE, midnight)
    record(exposure, ACTIONS, NUDGE, "next", midnight)
    record(exposure, ACTIONS, NUDGE, "late", midnight - 1)
    (serving,) = servings(exposure).values()
    assert (serving.day, serving.today, serving.last) == (midnight // DAY_MS, 2, midnight)


def test_nothing_is_recorded_for_the_none_action() -> None:
    assert served(ACTIONS.none, T0) == Exposure()


@pytest.mark.parametrize(
    ("event", "bit"), list(zip(EVENTS, (SHOWN, CLICKED, PURCHASED, RATED), strict=False))
)
def test_an_outcome_is_applied_once_within_the_window(event: str, bit: int) -> None:
    exposure = Exposure()
    record(exposure, ACTIONS, AD, "d", T0)
    action, last = ACTIONS.hashes[AD], T0 + CONFIG.attribution_ms - 1
    assert apply_outcome(exposure, click(event, last + 1), CONFIG) == Outcome("expired", bit, action)
    assert apply_outcome(exposure, click(event, last), CONFIG) == Outcome("applied", bit, action)
    assert apply_outcome(exposure, click(event, last), CONFIG) == Outcome("repeated", bit, action)
    assert opened(exposure)[0].outcomes == bit
    (serving,) = servings(exposure).values()
    assert serving.shown_session == serving.shown_today == int(event == "view_promotion")


def test_other_clicks_are_not_outcomes() -> None:
    exposure = Exposure()
    assert apply_outcome(exposure, click("view_item", T0), CONFIG) is None
    assert apply_outcome(exposure, click("purchase", T0, None), CONFIG) is None
    assert exposure == Exposure()


def test_outcomes_that_come_first_wait_for_their_decision() -> None:
    exposure = Exposure()
    for event, bit in (("view_promotion", SHOWN), ("purchase", PURCHASED)):
        assert apply_outcome(exposure, click(event, T0 + 5), CONFIG) == Outcome("parked", bit)
    record(exposure, ACTIONS, AD, "d", T0)
    assert parked(exposure) == []
    assert opened(exposure)[0].outcomes == SHOWN | PURCHASED
    assert servings(exposure)[ACTIONS.hashes[AD]] == ServingCount(1, T0 // DAY_MS, 1, T0, 1, 1)
    assert apply_outcome(exposure, click("purchase", T0 + 6), CONFIG).status == "repeated"


def test_the_oldest_open_decision_makes_room() -> None:
    exposure = served(AD, *(T0 + i for i in range(MAX_OPEN)))
    pushed = record(exposure, ACTIONS, COUPON, "new", T0 + 100)
    assert pushed == Closed(decision_hash(f"d{T0}"), ACTIONS.hashes[AD], T0, 0, evicted=True)
    assert len(opened(exposure)) == MAX_OPEN


def bought(decision: str) -> bytes:
    return outcomes.added(b"", Happened(decision_hash(decision), outcomes.BOUGHT, 0, T0 + 1, 0.0))


def test_a_window_closes_at_its_end_with_what_was_seen() -> None:
    exposure = served(AD, T0)
    apply_outcome(exposure, click("purchase", T0 + 1, f"d{T0}"), CONFIG)
    apply_outcome(exposure, click("purchase", T0 + 1, "orphan"), CONFIG)
    due = T0 + CONFIG.attribution_ms
    assert next_due(exposure, CONFIG) == due
    assert close(exposure, due - 1, CONFIG) == []
    assert close(exposure, due, CONFIG) == [
        Closed(decision_hash(f"d{T0}"), ACTIONS.hashes[AD], T0, PURCHASED, False, bought(f"d{T0}"))
    ]
    orphan = Closed(decision_hash("orphan"), 0, T0 + 1, PURCHASED, False, bought("orphan"))
    assert close(exposure, due + 1, CONFIG) == [orphan]
    assert next_due(exposure, CONFIG) == NEVER


def test_editing_the_actions_keeps_the_counts_of_those_that_stay() -> None:
    exposure = served(COUPON, T0)
    fewer = ActionSet.load(
        'placement = "shop"\nepsilon = 0.1\n[[actions]]\nname = "coupon_10_percent"\nkind = "coupon"\n'
        'caps = { per_session = 1 }\n[[actions]]\nname = "new"\nkind = "none"\n'
    )
    assert mask(exposure, fewer, T0 + DAY_MS) == 0b10


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["decide", "outcome", "session", "close"]),
        st.integers(0, 3 * DAY_MS),
        st.integers(0, len(ACTIONS.names) - 1),
        st.sampled_from(EVENTS),
        st.integers(0, 15),
    ),
    max_size=80,
)


def play(exposure: Exposure, steps: list[tuple[str, int, int, str, int]]) -> None:
    for kind, at, position, event, decision in steps:
        if kind == "decide":
            record(exposure, ACTIONS, position, f"d{decision}", T0 + at)
        elif kind == "outcome":
            apply_outcome(exposure, click(event, T0 + at, f"d{decision}"), CONFIG)
        elif kind == "close":
            close(exposure, T0 + at, CONFIG)
        else:
            session_started(exposure)


@given(STEPS)
def test_the_record_round_trips_and_stays_bounded(steps: list[tuple[str, int, int, str, int]]) -> None:
    exposure = Exposure()
    play(exposure, steps)
    assert len(opened(exposure)) <= MAX_OPEN
    assert len(parked(exposure)) <= MAX_PARKED
    assert len({entry.decision for entry in opened(exposure) + parked(exposure)}) == len(
        opened(exposure) + parked(exposure)
    )
    encoded = msgspec.msgpack.encode(exposure)
    assert msgspec.msgpack.decode(encoded, type=Exposure) == exposure


@given(STEPS, st.integers(0, 80))
def test_storing_between_two_clicks_changes_nothing(
    steps: list[tuple[str, int, int, str, int]], cut: int
) -> None:
    whole, stored = Exposure(), Exposure()
    play(whole, steps)
    play(stored, steps[:cut])
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(stored), type=Exposure)
    play(stored, steps[cut:])
    assert msgspec.msgpack.encode(stored) == msgspec.msgpack.encode(whole)


@given(STEPS, st.tuples(st.integers(0, 5 * DAY_MS), st.integers(0, 5 * DAY_MS)).map(sorted))
def test_closing_composes(steps: list[tuple[str, int, int, str, int]], marks: list[int]) -> None:
    once = Exposure()
    play(once, steps)
    twice = deepcopy(once)
    first, second = (T0 + mark for mark in marks)
    returned = close(twice, first, CONFIG) + close(twice, second, CONFIG)
    assert returned == close(once, second, CONFIG)
    assert twice == once
    assert next_due(once, CONFIG) > second


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40 * MINUTE), st.booleans()), min_size=20, max_size=150))
def test_no_cap_is_ever_exceeded(gaps: list[tuple[int, bool]]) -> None:
    exploring = msgspec.structs.replace(ACTIONS, epsilon=1.0, shares=(None,) * len(ACTIONS.names))
    policy, exposure, now = RulesPolicy(exploring), Exposure(), T0
    sessions, log = 0, []
    for number, (gap, fresh) in enumerate(gaps):
        now += gap
        if fresh:
            session_started(exposure)
            sessions += 1
        bits = mask(exposure, ACTIONS, now)
        event_id = f"{gap}-{number}"
        decision = decide(policy, Context(0.2, "cart", 60_000, "view_item", 1, bits), draw_of(event_id))
        record(exposure, ACTIONS, decision.position, decision_id(event_id, ACTIONS.placement), now)
        log.append((decision.position, now, sessions))
    for position, action in enumerate(ACTIONS.actions):
        times = [(at, session) for chosen, at, session in log if chosen == position]
        if position == ACTIONS.none:
            continue
        days, visits = [at // DAY_MS for at, _ in times], [session for _, session in times]
        assert max(map(days.count, days), default=0) <= action.caps.per_day
        assert max(map(visits.count, visits), default=0) <= action.caps.per_session
        pauses = [later[0] - earlier[0] for earlier, later in pairwise(times)]
        assert min(pauses, default=NEVER) >= action.caps.cooldown_minutes * MINUTE


def test_the_largest_record_is_what_the_documentation_says() -> None:
    exposure = Exposure()
    for generation in range(3):
        names = "".join(f'[[actions]]\nname = "ad-{generation}-{i}"\nkind = "ad"\n' for i in range(31))
        actions = ActionSet.load(
            f'placement = "p"\nepsilon = 0.2\n{names}[[actions]]\nname = "none"\nkind = "none"\n'
        )
        for i in range(31 * 3):
            at = T0 + generation * DAY_MS + i
            record(exposure, actions, i % 31, f"d{generation}-{i}", at)
            apply_outcome(exposure, click("purchase", at, f"o{generation}-{i}"), CONFIG)
    assert (len(servings(exposure)), len(opened(exposure)), len(parked(exposure))) == (
        MAX_SERVING_COUNTS,
        MAX_OPEN,
        MAX_PARKED,
    )
    without = msgspec.structs.replace(exposure, outcomes=b"")
    assert len(msgspec.msgpack.encode(without)) <= 2_230
    assert len(exposure.outcomes) <= (MAX_OPEN + MAX_PARKED) * len(outcomes.KINDS) * outcomes.WIDTH
