"""Frequency caps: counts of a visitor's servings by action, and the actions that they allow.

Keyed by the hash of the action's name; the exact semantics are in `docs/decisioning.md`.
"""

from typing import Final

import msgspec

from models.decisions.actions import ActionSet
from models.durations import DAY_MS

MAX_SERVING_COUNTS: Final = 32
MAX_COUNT: Final = 65_535


class ServingCount(msgspec.Struct, array_like=True, gc=False):
    """One action's servings: in the running session, on UTC day number `day`, and the latest (epoch ms)."""

    session: int = 0
    day: int = 0
    today: int = 0
    last: int = 0
    shown_session: int = 0
    shown_today: int = 0


ServingCounts = dict[int, ServingCount]


def allowed(servings: ServingCounts, actions: ActionSet, ts: int) -> int:
    """The actions below their caps at event time `ts`, as bits by position in the action set."""
    bits = actions.all_bits
    if not servings:
        return bits
    day = ts // DAY_MS
    for cap in actions.caps:
        serving = servings.get(cap.action)
        if serving is not None and (
            serving.session >= cap.per_session
            or (serving.today >= cap.per_day and day <= serving.day)
            or ts - serving.last < cap.cooldown_ms
        ):
            bits &= ~cap.bit
    return bits


def served(servings: ServingCounts, action: int, ts: int) -> None:
    """Counts one serving."""
    serving = _at(servings, action, ts)
    serving.session = min(serving.session + 1, MAX_COUNT)
    serving.today = min(serving.today + 1, MAX_COUNT)
    serving.last = max(serving.last, ts)


def shown(servings: ServingCounts, action: int, ts: int) -> None:
    """Counts one serving that the page reports as seen."""
    serving = _at(servings, action, ts)
    serving.shown_session = min(serving.shown_session + 1, MAX_COUNT)
    serving.shown_today = min(serving.shown_today + 1, MAX_COUNT)


def session_started(servings: ServingCounts) -> None:
    """Forgets the session's counts."""
    for serving in servings.values():
        serving.session = 0
        serving.shown_session = 0


def _at(servings: ServingCounts, action: int, ts: int) -> ServingCount:
    """The action's count; the day's numbers are reset if `ts` is on a later day."""
    serving = servings.get(action)
    if serving is None:
        if len(servings) >= MAX_SERVING_COUNTS:
            del servings[min(servings, key=lambda key: (servings[key].last, key))]
        serving = servings[action] = ServingCount()
    day = ts // DAY_MS
    if day > serving.day:
        serving.day, serving.today, serving.shown_today = day, 0, 0
    return serving
