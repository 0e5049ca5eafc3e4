"""How often a visitor was served each action: what frequency caps are checked against.

Keyed by the hash of the action's name; the exact semantics are in `docs/decisioning.md`.
"""

from typing import Final

import msgspec

from models.decisions.actions import ActionSet
from models.durations import DAY_MS

MAX_COUNTERS: Final = 32
MAX_COUNT: Final = 65_535


class Counter(msgspec.Struct, array_like=True, gc=False):
    """One action's servings: in the running session, on UTC day number `day`, and the latest (epoch ms)."""

    session: int = 0
    day: int = 0
    today: int = 0
    last: int = 0
    shown_session: int = 0
    shown_today: int = 0


Counters = dict[int, Counter]


def allowed(counters: Counters, actions: ActionSet, ts: int) -> int:
    """The actions below their caps at event time `ts`, as bits by position in the action set."""
    bits = actions.all_bits
    if not counters:
        return bits
    day = ts // DAY_MS
    for cap in actions.caps:
        counter = counters.get(cap.action)
        if counter is not None and (
            counter.session >= cap.per_session
            or (counter.today >= cap.per_day and day <= counter.day)
            or ts - counter.last < cap.cooldown_ms
        ):
            bits &= ~cap.bit
    return bits


def served(counters: Counters, action: int, ts: int) -> None:
    """Counts one serving."""
    counter = _at(counters, action, ts)
    counter.session = min(counter.session + 1, MAX_COUNT)
    counter.today = min(counter.today + 1, MAX_COUNT)
    counter.last = max(counter.last, ts)


def shown(counters: Counters, action: int, ts: int) -> None:
    """Counts one serving that the page reports as seen."""
    counter = _at(counters, action, ts)
    counter.shown_session = min(counter.shown_session + 1, MAX_COUNT)
    counter.shown_today = min(counter.shown_today + 1, MAX_COUNT)


def session_started(counters: Counters) -> None:
    """Forgets the session's counts."""
    for counter in counters.values():
        counter.session = 0
        counter.shown_session = 0


def _at(counters: Counters, action: int, ts: int) -> Counter:
    """The action's counter, turned to the day of `ts` if that is later than the day it was on."""
    counter = counters.get(action)
    if counter is None:
        if len(counters) >= MAX_COUNTERS:
            del counters[min(counters, key=lambda key: (counters[key].last, key))]
        counter = counters[action] = Counter()
    day = ts // DAY_MS
    if day > counter.day:
        counter.day, counter.today, counter.shown_today = day, 0, 0
    return counter
