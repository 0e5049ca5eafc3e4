"""Counts by event code, as the state keeps them: one number for each event of the contract."""

from typing import Final

from models.contract.events import EVENTS

#: Index 0 is unused.
COUNTERS: Final = len(EVENTS) + 1


def zeros() -> list[int]:
    """No event so far."""
    return [0] * COUNTERS


def widen(counts: list[int]) -> None:
    """Counts that were kept before the contract had its newest events: none of those so far."""
    if len(counts) < COUNTERS:
        counts.extend([0] * (COUNTERS - len(counts)))
