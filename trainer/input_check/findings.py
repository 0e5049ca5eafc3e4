"""What `pathcast input check` finds in a log or on a topic."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Refusal:
    """`rows` with the same fault in the same field ("" for the whole row), and the first of them.

    `unusable`: the rows cannot be used; else only the field is lost.
    """

    field: str
    reason: str
    rows: int
    where: str
    value: str | None
    cure: str
    unusable: bool = True


@dataclass(frozen=True)
class Measures:
    """Counts of the rows that can be used; times are epoch ms, None without any row.

    `repeated_ids` rows have the event id of a row before, `repeated_rows` its visitor, time, event and item.
    `without_item` events are about an item and name none. `ahead` rows lie more than a day after now.
    """

    clicks: int = 0
    events: dict[str, int] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None
    visitors: int = 0
    users: int = 0
    sessions: int = 0
    buying_sessions: int = 0
    items: int = 0
    without_item: int = 0
    repeated_ids: int = 0
    repeated_rows: int = 0
    ahead: int = 0

    @property
    def days(self) -> float:
        """Days from the first click to the last."""
        return 0.0 if self.first is None or self.last is None else (self.last - self.first) / 86_400_000


@dataclass(frozen=True)
class Findings:
    """All that is found of `rows` in `source`.

    `form` is how events are shaped, `sources` the places of each field, `unknown` counts event names that are
    not known, `passive` those that say nothing of shopping: their rows are left out, and not unusable.
    `known_items` are those of the catalogue; None without one. `skew` says how clocks differ.
    """

    source: str
    form: str
    rows: int
    unusable: int
    measures: Measures
    detected: tuple[str, ...] = ()
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    unknown: dict[str, int] = field(default_factory=dict)
    known_items: int | None = None
    skew: str | None = None
    passive: dict[str, int] = field(default_factory=dict)

    @property
    def active(self) -> int:
        """The rows that may say something of shopping."""
        return self.rows - sum(self.passive.values())
