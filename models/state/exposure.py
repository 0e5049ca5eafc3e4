"""Exposure: actions served to a visitor and their outcomes; the state that decisions read and write.

Integers only, bounded whatever the input, and free of clocks: every function takes event time. The exact
semantics are in `docs/decisioning.md`. An outcome counts for a decision until `attribution_ms` after it.
"""

from operator import attrgetter
from typing import Final, Literal, NamedTuple

import msgspec
import xxhash

from models.contract.events import Click
from models.decisions.actions import ActionSet
from models.durations import DAY_MS
from models.state import frequency_caps
from models.state.frequency_caps import ServingCount

NEVER: Final = (1 << 63) - 1
MAX_OPEN: Final = 8
MAX_PARKED: Final = 8

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

_BY_TS: Final = attrgetter("ts")

OutcomeStatus = Literal["applied", "repeated", "expired", "parked"]


class ExposureConfig(msgspec.Struct, frozen=True):
    """How long an outcome may follow its decision, in ms of event time."""

    attribution_ms: int = DAY_MS


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
    """Embedded in the visitor's record; at most 32 serving counts, 8 open decisions and 8 parked outcomes."""

    servings: dict[int, ServingCount] = {}
    open: list[Pending] = []
    parked: list[Pending] = []


class Outcome(NamedTuple):
    """What `apply_outcome` did: `action` is the action's hash, 0 where the decision is not open."""

    status: OutcomeStatus
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


def mask(exposure: Exposure, actions: ActionSet, ts: int, consent: bool = True) -> int:
    """The actions allowed at event time `ts`, as bits by position; without consent only `none`.

    A cap counts served decisions, not reported impressions: the next click often comes before the report.
    """
    if not consent:
        return 1 << actions.none
    return frequency_caps.allowed(exposure.servings, actions, ts)


def record(exposure: Exposure, actions: ActionSet, position: int, decision_id: str, ts: int) -> Closed | None:
    """Counts a served decision and opens it for its outcomes; does nothing for the `none` action.

    Outcomes parked for it are taken over. Returns the older decision it pushed out, if any.
    """
    if position == actions.none:
        return None
    action, decision = actions.hashes[position], decision_hash(decision_id)
    frequency_caps.served(exposure.servings, action, ts)
    if _find(exposure.open, decision) is not None:
        return None
    entry = Pending(decision, action, ts)
    early = _find(exposure.parked, decision)
    if early is not None:
        exposure.parked.remove(early)
        entry.outcomes = early.outcomes
        if early.outcomes & SHOWN:
            frequency_caps.shown(exposure.servings, action, early.ts)
    return _push(exposure.open, entry, MAX_OPEN)


def apply_outcome(exposure: Exposure, click: Click, config: ExposureConfig) -> Outcome | None:
    """Follows an outcome event to its decision; None for every other click."""
    if click.decision_id is None:
        return None
    outcome = OUTCOMES.get(click.event)
    if outcome is None:
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
    if outcome == SHOWN:
        frequency_caps.shown(exposure.servings, entry.action, click.ts)
    return Outcome("applied", outcome, entry.action)


def close(exposure: Exposure, watermark: int, config: ExposureConfig) -> list[Closed]:
    """Removes and returns entries that have waited `attribution_ms` by `watermark`: oldest first, open first.

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
    oldest: int = min(map(_BY_TS, (*exposure.open, *exposure.parked)))
    return oldest + config.attribution_ms


def session_started(exposure: Exposure) -> None:
    """Forgets the session's counts; days, cooldowns and pending decisions outlive a session."""
    frequency_caps.session_started(exposure.servings)


def _park(exposure: Exposure, decision: int, outcome: int, ts: int) -> Outcome:
    entry = _find(exposure.parked, decision)
    if entry is None:
        _push(exposure.parked, Pending(decision, 0, ts, outcome), MAX_PARKED)
    else:
        entry.outcomes |= outcome
    return Outcome("parked", outcome)


def _push(entries: list[Pending], entry: Pending, bound: int) -> Closed | None:
    """Appends; beyond the bound pushes out the oldest by event time, the longest held among equals."""
    entries.append(entry)
    if len(entries) <= bound:
        return None
    oldest = min(entries, key=_BY_TS)
    entries.remove(oldest)
    return Closed(oldest.decision, oldest.action, oldest.ts, oldest.outcomes, evicted=True)


def _find(entries: list[Pending], decision: int) -> Pending | None:
    for entry in entries:
        if entry.decision == decision:
            return entry
    return None
