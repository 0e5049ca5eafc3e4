"""Timers of the state: one live key per visitor, sorted by minute, moved only to an earlier minute.

A click moves a session's end, not its timer. The timer then fires early, finds nothing due and is set again.
So a busy visitor costs one timer write per half hour, not one per chunk.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from models.durations import MINUTE_MS
from models.state import state_keys

NEVER: Final = 1 << 32


def changes(visitor_key: bytes, before: int, after: int) -> list[tuple[bytes, bytes | None]]:
    """State changes (None deletes) from `Visitor.timer` before a chunk to after it; 0 for no visitor."""
    if before == after:
        return []
    moved: list[tuple[bytes, bytes | None]] = []
    if before:
        moved.append((state_keys.timer(before, visitor_key), None))
    if after:
        moved.append((state_keys.timer(after, visitor_key), b""))
    return moved


def first(timers: Iterable[tuple[bytes, bytes]]) -> int:
    """The minute of the first timer of a scan; NEVER where there is none."""
    for key, _ in timers:
        return state_keys.timer_parts(key)[0]
    return NEVER


def due(timers: Iterable[tuple[bytes, bytes]], watermark: int) -> Iterator[bytes]:
    """Visitor keys whose timer is due by `watermark`; `timers` is the state's scan of `keys.TIMER`."""
    reached = watermark // MINUTE_MS
    for key, _ in timers:
        minute, visitor_key = state_keys.timer_parts(key)
        if minute > reached:
            return
        yield visitor_key
