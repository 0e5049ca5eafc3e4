"""Chunking leaves no trace: visitors, timers and panes are the same bytes wherever chunks end."""

from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract.events import EVENTS, Click
from models.decisions.actions import ActionSet
from models.durations import MINUTE_MS
from models.feedback import visitor_outcomes as outcomes
from models.sessions.lifecycle import SessionConfig, advance, close_expired, minute_of, schedule_close
from models.sessions.session import step
from models.state import exposure, state_keys, timers
from models.state.codes import WIDTH
from models.state.facts import ClickStatus
from models.state.panes import Collector, PaneConfig, expired
from models.state.visitor import Visitor, decode, encode
from tests.due import next_due

START = 1_700_000_000_000
CONFIG = SessionConfig(
    gap_ms=30 * MINUTE_MS,
    max_session_ms=180 * MINUTE_MS,
    max_session_clicks=7,
    max_clicks_per_minute=3,
    churn_ms=300 * MINUTE_MS,
    ttl_ms=900 * MINUTE_MS,
    exposure=exposure.ExposureConfig(attribution_ms=70 * MINUTE_MS),
)
PANES = PaneConfig(width_ms=20 * MINUTE_MS, retention_ms=120 * MINUTE_MS)
ACTIONS = ActionSet.load((Path(__file__).parents[4] / "deploy/data/actions.toml").read_text())
VISITORS = ("ann", "bob", "eve")


class Partition:
    """The pipeline's order of work over a dict in the place of RocksDB; records are encoded and decoded."""

    def __init__(self):
        self.store = {}
        self.watermark = 0
        self.facts = []
        self.transitions = []

    def scan(self, prefix):
        return [(key, self.store[key]) for key in sorted(self.store) if key.startswith(prefix)]

    def read(self, wanted):
        return [self.store.get(key) for key in wanted]

    def load(self, key):
        value = self.store.get(key)
        return decode(value) if value is not None else None

    def apply(self, chunk):
        before, loaded, timer_before, collector, applied = self.watermark, {}, {}, Collector(PANES), []
        for click in chunk:
            self.watermark = max(self.watermark, click.ts - CONFIG.lateness_ms)
            key = state_keys.visitor(click.visitor_id)
            if key not in loaded:
                loaded[key] = self.load(key)
                timer_before[key] = loaded[key].timer if loaded[key] else 0
            loaded[key], facts = step(loaded[key], click, self.watermark, CONFIG)
            self.facts.append(facts)
            self.note(collector, click.visitor_id, facts.transitions)
            if facts.status is ClickStatus.APPLIED:
                collector.add([(click, facts)])
                applied.append((key, click, facts, self.watermark))
        for one in applied:
            self.decide(collector, loaded[one[0]], *one[1:])
        self.fire_timers({key for key, *_ in applied}, loaded, timer_before, collector)
        self.write(loaded, timer_before, collector, before)

    def fire_timers(self, applied, loaded, timer_before, collector):
        for key in applied:
            loaded[key].remember(blake2b(loaded[key].session_codes()).digest(), 7)
        for key in timers.due(self.scan(state_keys.TIMER), self.watermark):
            if key not in loaded:
                loaded[key] = self.load(key)
                timer_before[key] = loaded[key].timer
        for key in loaded:
            loaded[key], transitions = advance(loaded[key], self.watermark, CONFIG)
            self.note(collector, state_keys.visitor_id(key), transitions)

    def decide(self, collector, visitor, click, facts, watermark):
        self.note(collector, click.visitor_id, close_expired(visitor, facts, watermark, CONFIG))
        if not facts.consent:
            return
        if exposure.apply_outcome(visitor.exposure, click, CONFIG.exposure):
            schedule_close(visitor, click.ts, CONFIG)
        if facts.position % 2:
            position = facts.event % len(ACTIONS.hashes)
            pushed = exposure.record(visitor.exposure, ACTIONS, position, click.event_id + ":p", click.ts)
            schedule_close(visitor, click.ts, CONFIG)
            self.note(collector, click.visitor_id, [pushed] if pushed else [])

    def note(self, collector, visitor_id, transitions):
        for transition in transitions:
            collector.transition(transition)
            self.transitions.append((visitor_id, type(transition).__name__, transition))

    def write(self, loaded, timer_before, collector, before):
        changes = collector.merge(self.read, self.watermark)
        for key, visitor in loaded.items():
            changes.append((key, encode(visitor) if visitor else None))
            changes += timers.changes(key, timer_before[key], visitor.timer if visitor else 0)
        changes += [(key, None) for key, _ in expired(self.scan, before, self.watermark, PANES)]
        for key, value in changes:
            self.store.pop(key, None) if value is None else self.store.__setitem__(key, value)


def click_of(number, visitor_id, ts, event, item, extra):
    outcome = event in outcomes.OF_DECISIONS and extra != 0
    return Click(
        event_id=f"e{number}",
        visitor_id=visitor_id,
        ts=ts,
        event=event,
        item_id=f"item-{item}" if item else None,
        category=f"cat-{item % 4}" if item else None,
        price=item * 9.99 if item else None,
        quantity=extra or None,
        page=f"/p/{item}",
        basket=("item-1", "item-2") if extra == 3 else None,
        consent={4: False, 5: True}.get(extra),
        decision_id=f"e{number - extra}:p" if outcome else None,
        transaction_id=f"t{extra}" if event == "purchase" else None,
    )


@st.composite
def streams(draw):
    """Clicks of several visitors: gaps of any size, reordered, late and repeated ones among them."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(VISITORS),
                st.sampled_from((0, 0, 1, 3, 16, 29, 30, 31, 72, 305, 700, 1300)),
                st.sampled_from((0, 0, 900, 7_000, 31_000, 53_000)),
                st.sampled_from(EVENTS),
                st.integers(0, 12),
                st.sampled_from((0, 0, 1, 2, 3, 4, 5)),
                st.sampled_from((0, 0, 0, 200_000, 400_000, 1_500_000, 3_000_000)),
                st.booleans(),
            ),
            max_size=40,
        )
    )
    clicks, now = [], START
    for number, (visitor_id, minutes, ms, event, item, extra, back, again) in enumerate(rows):
        now += minutes * MINUTE_MS + ms
        clicks.append(click_of(number, visitor_id, now - back, event, item, extra))
        if again:
            clicks.append(clicks[len(clicks) // 2])
    return clicks


def run(clicks, ends):
    partition = Partition()
    marks = [0, *sorted({end for end in ends if end < len(clicks)}), len(clicks)]
    for start, end in pairwise(marks):
        partition.apply(clicks[start:end])
    return partition


@settings(max_examples=300, deadline=None)
@given(streams(), st.lists(st.integers(0, 60), max_size=12))
def test_state_is_the_same_bytes_wherever_chunks_end(clicks, ends):
    whole, cut, single = run(clicks, []), run(clicks, ends), run(clicks, range(len(clicks)))
    assert whole.store == cut.store == single.store
    assert whole.watermark == single.watermark


@settings(max_examples=150, deadline=None)
@given(streams(), st.lists(st.integers(0, 60), max_size=12))
def test_facts_and_transitions_are_the_same_wherever_chunks_end(clicks, ends):
    whole, cut = run(clicks, []), run(clicks, ends)
    for facts in whole.facts + cut.facts:
        facts.transitions = []
    assert whole.facts == cut.facts
    assert sorted(map(repr, whole.transitions)) == sorted(map(repr, cut.transitions))


def dues(visitor):
    return visitor.last_ts + CONFIG.gap_ms, exposure.next_due(visitor.exposure, CONFIG.exposure)


def composes(value, at, later):
    direct, expected = advance(decode(value), later, CONFIG)
    midway, first = advance(decode(value), at, CONFIG)
    twice, second = advance(midway, later, CONFIG)
    assert twice == direct
    assert sorted(map(repr, first + second)) == sorted(map(repr, expected))


@settings(max_examples=150, deadline=None)
@given(streams(), st.integers(0, 2000), st.integers(0, 2000))
def test_advance_composes(clicks, first, second):
    partition = run(clicks, [])
    at, later = sorted(
        (partition.watermark + first * MINUTE_MS // 2, partition.watermark + second * MINUTE_MS)
    )
    for _, value in partition.scan(state_keys.VISITOR):
        composes(value, at, later)


@settings(max_examples=150, deadline=None)
@given(streams(), st.integers(0, 15_000), st.integers(0, 15_000))
def test_advance_composes_across_a_due_time_within_its_minute(clicks, before, after):
    partition = run(clicks, [])
    for _, value in partition.scan(state_keys.VISITOR):
        for due in dues(decode(value)):
            if due - before >= partition.watermark:
                composes(value, due - before, due + after)


@settings(max_examples=150, deadline=None)
@given(streams(), st.lists(st.integers(0, 60), max_size=5))
def test_each_visitor_has_one_timer_and_none_is_overdue(clicks, ends):
    partition = run(clicks, ends)
    live = sorted(state_keys.timer_parts(key) for key, _ in partition.scan(state_keys.TIMER))
    visitors = [(key, decode(value)) for key, value in partition.scan(state_keys.VISITOR)]
    assert live == sorted((visitor.timer, key) for key, visitor in visitors)
    for _, visitor in visitors:
        assert partition.watermark // MINUTE_MS < visitor.timer <= minute_of(next_due(visitor, CONFIG))


@settings(max_examples=150, deadline=None)
@given(streams(), st.lists(st.integers(0, 60), max_size=5))
def test_each_started_session_is_running_or_has_ended_once(clicks, ends):
    partition = run(clicks, ends)
    names = [name for _, name, _ in partition.transitions]
    started = sum(facts.fresh for facts in partition.facts)
    running = sum(not decode(value).ended for _, value in partition.scan(state_keys.VISITOR))
    assert started == running + names.count("Ended") - names.count("Reopened")


@settings(max_examples=100, deadline=None)
@given(streams())
def test_everything_expires_in_the_end(clicks):
    partition = run(clicks, [])
    for key, _ in partition.scan(state_keys.VISITOR):
        visitor, transitions = advance(partition.load(key), partition.watermark + 10**10, CONFIG)
        assert visitor is None
        assert type(transitions[-1]).__name__ == "Expired"


@settings(max_examples=150, deadline=None)
@given(streams())
def test_codes_are_the_applied_clicks_of_who_consents(clicks):
    partition = run(clicks, [5, 9])
    codes, kept = {}, 0
    applied = [f for f in partition.facts]
    for click, facts in zip(clicks, applied, strict=True):
        if facts.status is ClickStatus.APPLIED:
            before = b"" if facts.born or not facts.consent else codes.get(click.visitor_id, b"")
            codes[click.visitor_id] = (before + facts.code * facts.consent)[-50 * WIDTH :]
    for key, value in partition.scan(state_keys.VISITOR):
        assert decode(value).codes == codes[state_keys.visitor_id(key)]
        kept += 1
    assert kept <= len(VISITORS)
    assert all(isinstance(partition.load(key), Visitor) for key, _ in partition.scan(state_keys.VISITOR))
