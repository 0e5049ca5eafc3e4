"""What a visitor has been offered and what became of it: the part of the state that decisions read and write.

Integers only, bounded whatever the input, and free of clocks: every function takes event time. The exact
semantics are in `docs/decisioning.md`. Attribution follows the last-touch window of display advertising:
an outcome counts for a decision until `attribution_ms` after it.
"""

from typing import Final, Literal, NamedTuple

import msgspec
import xxhash

from models.actions import ActionSet
from models.events import Click

DAY_MS: Final = 86_400_000
NEVER: Final = (1 << 63) - 1
MAX_COUNTERS: Final = 32
MAX_OPEN: Final = 8
MAX_PARKED: Final = 8
MAX_COUNT: Final = 65_535

SHOWN: Final = 1
CLICKED: Final = 2
PURCHASED: Final = 4
RATED: Final = 8
OUTCOMES: Final = {
    "view_promotion": SHOWN,
    "select_promotion": CLICKED,
    "purchase": PURCHASED,
    "rate_item": RATED,
}

Fate = Literal["applied", "repeated", "expired", "parked"]


class ExposureConfig(msgspec.Struct, frozen=True):
    """How long an outcome may follow its decision, in ms of event time."""

    attribution_ms: int = DAY_MS


class Counter(msgspec.Struct, array_like=True, gc=False):
    """One action's servings: in the running session, on UTC day number `day`, and the latest (epoch ms)."""

    session: int = 0
    day: int = 0
    today: int = 0
    last: int = 0
    shown_session: int = 0
    shown_today: int = 0


class Pending(msgspec.Struct, array_like=True, gc=False):
    """A decision awaiting outcomes, or outcomes awaiting their decision (then `action` is 0).

    `decision` is the xxh3-64 of the decision id, `action` the 32-bit hash of the action's name, `ts` epoch
    ms of event time, `outcomes` the bits of `OUTCOMES` seen.
    """

    decision: int
    action: int
    ts: int
    outcomes: int = 0


class Exposure(msgspec.Struct, array_like=True):
    """Embedded in the visitor's record; at most 32 counters, 8 open decisions and 8 parked outcomes."""

    counters: dict[int, Counter] = {}
    open: list[Pending] = []
    parked: list[Pending] = []


class Outcome(NamedTuple):
    """What `apply_outcome` did: `action` is the action's hash, 0 where the decision is not open."""

    fate: Fate
    outcome: int
    action: int = 0


class Closed(NamedTuple):
    """A pending entry that left the state at its window's end, or when pushed out by a newer one."""

    decision: int
    action: int
    ts: int
    outcomes: int
    evicted: bool = False


def decision_hash(decision_id: str) -> int:
    """The 64-bit key of a decision in the state."""
    return xxhash.xxh3_64_intdigest(decision_id.encode())


def mask(exposure: Exposure, actions: ActionSet, ts: int) -> int:
    """The actions allowed at event time `ts`, as bits by position in the action set.

    A cap counts decisions served; whether the page showed them is not awaited, since the next click often
    precedes the impression's report.
    """
    allowed = actions.all_bits
    counters = exposure.counters
    if not counters:
        return allowed
    day = ts // DAY_MS
    for cap in actions.caps:
        counter = counters.get(cap.action)
        if counter is not None and (
            counter.session >= cap.per_session
            or (counter.today >= cap.per_day and day <= counter.day)
            or ts - counter.last < cap.cooldown_ms
        ):
            allowed &= ~cap.bit
    return allowed


def record(exposure: Exposure, decision: int, action: int, ts: int) -> Closed | None:
    """Counts one served decision (never the `none` action) and opens it for its outcomes.

    Returns the open decision it pushed out, if any. Outcomes parked for it are taken over.
    """
    counter = _counter(exposure, action, ts)
    counter.session = min(counter.session + 1, MAX_COUNT)
    counter.today = min(counter.today + 1, MAX_COUNT)
    counter.last = max(counter.last, ts)
    if _find(exposure.open, decision) is not None:
        return None
    early = _find(exposure.parked, decision)
    if early is not None:
        exposure.parked.remove(early)
        _count_shown(exposure, action, early.ts, early.outcomes)
    entry = Pending(decision, action, ts, early.outcomes if early else 0)
    return _push(exposure.open, entry, MAX_OPEN)


def apply_outcome(exposure: Exposure, click: Click, config: ExposureConfig) -> Outcome | None:
    """Follows an outcome event to its decision; None for every other click."""
    outcome = OUTCOMES.get(click.event)
    if outcome is None or click.decision_id is None:
        return None
    decision = decision_hash(click.decision_id)
    entry = _find(exposure.open, decision)
    if entry is None:
        return _park(exposure, decision, outcome, click.ts)
    if click.ts - entry.ts >= config.attribution_ms:
        return Outcome("expired", outcome, entry.action)
    if entry.outcomes & outcome:
        return Outcome("repeated", outcome, entry.action)
    entry.outcomes |= outcome
    _count_shown(exposure, entry.action, click.ts, outcome)
    return Outcome("applied", outcome, entry.action)


def close(exposure: Exposure, watermark: int, config: ExposureConfig) -> list[Closed]:
    """Takes out what has waited `attribution_ms` by `watermark`, oldest first.

    `close(close(e, a), b) == close(e, b)` for `a <= b`, in the state and in the concatenated returns.
    """
    if next_due(exposure, config) > watermark:
        return []
    oldest = watermark - config.attribution_ms
    due = [entry for entry in (*exposure.open, *exposure.parked) if entry.ts <= oldest]
    exposure.open = [entry for entry in exposure.open if entry.ts > oldest]
    exposure.parked = [entry for entry in exposure.parked if entry.ts > oldest]
    due.sort(key=lambda entry: (entry.ts, entry.action == 0))
    return [Closed(entry.decision, entry.action, entry.ts, entry.outcomes) for entry in due]


def next_due(exposure: Exposure, config: ExposureConfig) -> int:
    """Epoch ms of event time at which `close` next has work; `NEVER` if nothing is pending."""
    if not exposure.open and not exposure.parked:
        return NEVER
    return min(entry.ts for entry in (*exposure.open, *exposure.parked)) + config.attribution_ms


def session_started(exposure: Exposure) -> None:
    """Forgets the session's counts; days, cooldowns and pending decisions outlive a session."""
    for counter in exposure.counters.values():
        counter.session = 0
        counter.shown_session = 0


def _counter(exposure: Exposure, action: int, ts: int) -> Counter:
    """The action's counter, turned to the day of `ts` if that is later than the day it was on."""
    counters = exposure.counters
    counter = counters.get(action)
    if counter is None:
        if len(counters) >= MAX_COUNTERS:
            del counters[min(counters, key=lambda key: (counters[key].last, key))]
        counter = counters[action] = Counter()
    day = ts // DAY_MS
    if day > counter.day:
        counter.day, counter.today, counter.shown_today = day, 0, 0
    return counter


def _count_shown(exposure: Exposure, action: int, ts: int, outcomes: int) -> None:
    if outcomes & SHOWN:
        counter = _counter(exposure, action, ts)
        counter.shown_session = min(counter.shown_session + 1, MAX_COUNT)
        counter.shown_today = min(counter.shown_today + 1, MAX_COUNT)


def _park(exposure: Exposure, decision: int, outcome: int, ts: int) -> Outcome:
    entry = _find(exposure.parked, decision)
    if entry is None:
        _push(exposure.parked, Pending(decision, 0, ts, outcome), MAX_PARKED)
    else:
        entry.outcomes |= outcome
    return Outcome("parked", outcome)


def _push(entries: list[Pending], entry: Pending, bound: int) -> Closed | None:
    """Appends, pushing out the first of the oldest by event time beyond the bound."""
    entries.append(entry)
    if len(entries) <= bound:
        return None
    oldest = min(entries, key=lambda one: one.ts)
    entries.remove(oldest)
    return Closed(oldest.decision, oldest.action, oldest.ts, oldest.outcomes, evicted=True)


def _find(entries: list[Pending], decision: int) -> Pending | None:
    for entry in entries:
        if entry.decision == decision:
            return entry
    return None
