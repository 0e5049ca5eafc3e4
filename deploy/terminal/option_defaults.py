"""Defaults that help pages show; this module imports nothing, so that help is fast."""

from typing import Final, NamedTuple

#: Partitions of topics that `pathcast topics` creates.
DEFAULT_PARTITIONS: Final = 4


class Wanted(NamedTuple):
    """Which lapsing visitors are published: days of absence, least probability and sessions, most records."""

    within_days: float = 14.0
    absent_from: float = 3.0
    absent_to: float = 30.0
    least: float = 0.5
    sessions: int = 2
    limit: int | None = None
