"""Frequency caps: counts of a visitor's servings by action, and the actions that they allow.

The counts of an action are 22 packed bytes that begin with the hash of its name; the exact semantics are in
`docs/decisioning.md`.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from models.decisions.actions import ActionSet
from models.durations import DAY_MS
from models.state.packed import find

MAX_SERVING_COUNTS: Final = 32
MAX_COUNT: Final = 65_535
_ACTION: Final = struct.Struct("<I")
_COUNT: Final = struct.Struct("<IHHHqHH")
WIDTH: Final = _COUNT.size
#: The bytes of a record that count the session's servings and reports.
_OF_SESSION: Final = (4, 5, 18, 19)


class ServingCount(NamedTuple):
    """One action's servings: in the running session, on UTC day number `day`, and the latest (epoch ms)."""

    session: int = 0
    day: int = 0
    today: int = 0
    last: int = 0
    shown_session: int = 0
    shown_today: int = 0


def pack(counts: Iterable[tuple[int, ServingCount]]) -> bytes:
    """Counts by the hash of their action, in order, as the state keeps them."""
    return b"".join(_COUNT.pack(action, *count) for action, count in counts)


def unpack(servings: bytes) -> dict[int, ServingCount]:
    """Counts by the hash of their action."""
    return {action: ServingCount._make(count) for action, *count in _COUNT.iter_unpack(servings)}


def allowed(servings: bytes, actions: ActionSet, ts: int) -> int:
    """The actions below their caps at event time `ts`, as bits by position in the action set."""
    bits = actions.all_bits
    if not servings:
        return bits
    known = actions.caps.get
    for action, session, day, today, last, _, _ in _COUNT.iter_unpack(servings):
        cap = known(action)
        if cap is not None and (
            session >= cap.per_session
            or (today >= cap.per_day and ts // DAY_MS <= day)
            or ts - last < cap.cooldown_ms
        ):
            bits &= ~cap.bit
    return bits


def served(servings: bytes, action: int, ts: int) -> bytes:
    """The counts after one serving."""
    return _counted(servings, action, ts, 1, 0)


def shown(servings: bytes, action: int, ts: int) -> bytes:
    """The counts after one serving that the page reports as seen."""
    return _counted(servings, action, ts, 0, 1)


def session_started(servings: bytes) -> bytes:
    """The counts without those of the session."""
    if not servings:
        return servings
    kept, nothing = bytearray(servings), bytes(len(servings) // WIDTH)
    for place in _OF_SESSION:
        kept[place::WIDTH] = nothing
    return bytes(kept)


def _counted(servings: bytes, action: int, ts: int, more: int, seen: int) -> bytes:
    """The counts after `more` servings and `seen` reports; on a later day than before the day's begin at 0.

    A new action's count displaces the oldest one where there is no room.
    """
    at = find(servings, _ACTION.pack(action), WIDTH)
    if at < 0:
        servings = _with_room(servings) + _COUNT.pack(action, *ServingCount())
        at = len(servings) - WIDTH
    _, session, day, today, last, shown_session, shown_today = _COUNT.unpack_from(servings, at)
    if (now := ts // DAY_MS) > day:
        day, today, shown_today = now, 0, 0
    count = _COUNT.pack(
        action,
        min(session + more, MAX_COUNT),
        day,
        min(today + more, MAX_COUNT),
        ts if more and ts > last else last,
        min(shown_session + seen, MAX_COUNT),
        min(shown_today + seen, MAX_COUNT),
    )
    return servings[:at] + count + servings[at + WIDTH :]


def _with_room(servings: bytes) -> bytes:
    if len(servings) < MAX_SERVING_COUNTS * WIDTH:
        return servings
    counts = unpack(servings)
    oldest = min(counts, key=lambda action: (counts[action].last, action))
    return pack((action, count) for action, count in counts.items() if action != oldest)
