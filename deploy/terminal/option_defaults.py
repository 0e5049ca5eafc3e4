"""What commands show as defaults in their help: a module that imports nothing, so that help comes at once."""

from typing import Final, NamedTuple

#: Partitions of topics that `pathcast topics` creates.
DEFAULT_PARTITIONS: Final = 4


class Wanted(NamedTuple):
    """Who is published: days of absence from and below, least probability, least sessions, most records."""

    within_days: float = 14.0
    absent_from: float = 3.0
    absent_to: float = 30.0
    least: float = 0.5
    sessions: int = 2
    limit: int | None = None
