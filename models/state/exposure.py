"""Exposure: actions served to a visitor and their outcomes; the state that decisions read and write.

Integers only, bounded whatever the input, and free of clocks: every function takes event time. The exact
semantics are in `docs/decisioning.md`. An outcome counts for a decision until `attribution_ms` after it.
"""

from typing import Any, Final, Literal, NamedTuple

import msgspec
import xxhash

from models.contract.events import Click
from models.decisions.actions import ActionSet
from models.durations import DAY_MS
from models.feedback import visitor_outcomes as outcomes
from models.feedback.visitor_outcomes import Happened
from models.state import frequency_caps, pending
from models.state.frequency_caps import ServingCount
from models.state.pending import Pending, find_entry

NEVER: Final = (1 << 63) - 1
MAX_OPEN: Final = 64
MAX_PARKED: Final = 8

#: Bits of outcomes: `1 << kind`, by the kinds of `models.feedback.visitor_outcomes`.
SHOWN: Final = 1
CLICKED: Final = 2
PURCHASED: Final = 4
RATED: Final = 8
DISMISSED: Final = 16

OutcomeStatus = Literal["applied", "repeated", "expired", "parked"]


class ExposureConfig(msgspec.Struct, frozen=True):
    """How long an outcome may follow its decision, in ms of event time."""

    attribution_ms: int = DAY_MS


class Exposure(msgspec.Struct, array_like=True, gc=False):
    """Embedded in the visitor's record; at most 32 serving counts, 64 open decisions, 8 parked ones.

    `servings` are packed by `frequency_caps`, `open` and `parked` by `pending`, `outcomes` (with times and
    values, of open and parked ones) by `models.feedback.visitor_outcomes`: as objects they would take three
    quarters of the time in which a record is decoded.
    """

    servings: bytes = b""
    open: bytes = b""
    parked: bytes = b""
    outcomes: bytes = b""


def contents(exposure: Exposure) -> dict[str, Any]:
    """What an exposure holds, by the names of the fields, for people."""
    return {
        "servings": {
            action: count._asdict() for action, count in frequency_caps.unpack(exposure.servings).items()
        },
        "open": [entry._asdict() for entry in pending.unpack(exposure.open)],
        "parked": [entry._asdict() for entry in pending.unpack(exposure.parked)],
        "outcomes": [one._asdict() for one in outcomes.unpack(exposure.outcomes)],
    }


def packed(former: Any) -> list[bytes]:
    """The fields of `Exposure` from those of a record of format 1, which had maps and arrays.

    Raises TypeError, ValueError, LookupError or struct.error where they are damaged.
    """
    servings, opened, parked = former
    counts = ((action, ServingCount(*count)) for action, count in servings.items())
    return [
        frequency_caps.pack(counts),
        *(pending.pack(Pending(*entry) for entry in entries) for entries in (opened, parked)),
    ]


class Outcome(NamedTuple):
    """What `apply_outcome` did: `action` is the action's hash, 0 where the decision is not open."""

    status: OutcomeStatus
    outcome: int
    action: int = 0


class Closed(NamedTuple):
    """A pending entry that left the state at its window's end, or when pushed out by a newer one.

    `happened` are its outcomes as `models.feedback.visitor_outcomes` packs them.
    """

    decision: int
    action: int
    ts: int
    outcomes: int
    evicted: bool = False
    happened: bytes = b""


class Withdrawn(NamedTuple):
    """An open decision that is given up because its visitor refused consent."""

    decision: int


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
    exposure.servings = frequency_caps.served(exposure.servings, action, ts)
    if find_entry(exposure.open, decision) is not None:
        return None
    bits, early = 0, find_entry(exposure.parked, decision)
    if early is not None:
        exposure.parked = pending.without(exposure.parked, decision)
        bits = early.outcomes
        if bits & SHOWN:
            exposure.servings = frequency_caps.shown(exposure.servings, action, early.ts)
    entry = Pending(decision, action, ts, bits)
    exposure.open, oldest = pending.pushed(exposure.open, entry, MAX_OPEN)
    return _closed(exposure, oldest, True) if oldest is not None else None


def apply_outcome(exposure: Exposure, click: Click, config: ExposureConfig) -> Outcome | None:
    """Follows an outcome event to its decision; None for every other click."""
    if click.decision_id is None:
        return None
    kind = outcomes.kind_of(click, outcomes.OF_DECISIONS)
    if kind is None:
        return None
    decision, outcome = decision_hash(click.decision_id), 1 << kind
    entry = find_entry(exposure.open, decision)
    if entry is not None and click.ts - entry.ts >= config.attribution_ms:
        return Outcome("expired", outcome, entry.action)
    happened = Happened(decision, kind, 0, click.ts, outcomes.value_of(click, kind))
    exposure.outcomes = outcomes.added(exposure.outcomes, happened)
    if entry is None:
        return _park(exposure, decision, outcome, click.ts)
    if entry.outcomes & outcome:
        return Outcome("repeated", outcome, entry.action)
    exposure.open = pending.replaced(exposure.open, _with_outcome(entry, outcome))
    if outcome == SHOWN:
        exposure.servings = frequency_caps.shown(exposure.servings, entry.action, click.ts)
    return Outcome("applied", outcome, entry.action)


def close(exposure: Exposure, watermark: int, config: ExposureConfig) -> list[Closed]:
    """Removes and returns entries that have waited `attribution_ms` by `watermark`: oldest first, open first.

    `close(close(e, a), b) == close(e, b)` for `a <= b`, in the state and in the concatenated returns.
    """
    if next_due(exposure, config) > watermark:
        return []
    oldest = watermark - config.attribution_ms
    opened, exposure.open = pending.split(exposure.open, oldest)
    parked, exposure.parked = pending.split(exposure.parked, oldest)
    due = opened + parked
    due.sort(key=lambda entry: (entry.ts, entry.action == 0))
    return [_closed(exposure, entry) for entry in due]


def withdraw(exposure: Exposure) -> list[Withdrawn]:
    """What an exposure that is emptied leaves without an end: its open decisions."""
    return [Withdrawn(entry.decision) for entry in pending.unpack(exposure.open)] if exposure.open else []


def next_due(exposure: Exposure, config: ExposureConfig) -> int:
    """Epoch ms of event time at which `close` next has work; `NEVER` if nothing is pending."""
    waiting = exposure.open + exposure.parked
    return pending.oldest_ts(waiting) + config.attribution_ms if waiting else NEVER


def session_started(exposure: Exposure) -> None:
    """Forgets the session's counts; days, cooldowns and pending decisions outlive a session."""
    exposure.servings = frequency_caps.session_started(exposure.servings)


def _park(exposure: Exposure, decision: int, outcome: int, ts: int) -> Outcome:
    entry = find_entry(exposure.parked, decision)
    if entry is None:
        entry = Pending(decision, 0, ts, outcome)
        exposure.parked, oldest = pending.pushed(exposure.parked, entry, MAX_PARKED)
        if oldest is not None:
            _closed(exposure, oldest)
    else:
        exposure.parked = pending.replaced(exposure.parked, _with_outcome(entry, outcome))
    return Outcome("parked", outcome)


def _closed(exposure: Exposure, entry: Pending, evicted: bool = False) -> Closed:
    happened, exposure.outcomes = outcomes.split(exposure.outcomes, entry.decision)
    return Closed(*entry, evicted, happened)


def _with_outcome(entry: Pending, outcome: int) -> Pending:
    return entry._replace(outcomes=entry.outcomes | outcome)
