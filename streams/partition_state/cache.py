"""In-memory cache of an assigned partition; everything in it is derived from the state."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from models.durations import MINUTE_MS
from models.privacy.envelope import Envelope
from models.registry.versions import Version
from models.scoring.popularity import Popularity
from models.state import panes, state_keys, timers
from models.state.exposure import Exposure, contents
from models.state.panes import MovedPane
from streams.analytics.partition_analytics import PartitionAnalytics
from streams.constraints.partition_budgets import PartitionBudgets
from streams.effects import Reader
from streams.partition_state.latest_answers import LatestAnswers

#: Changed item panes that are collected before popularity is updated.
PANES_PENDING = 50_000


@dataclass
class PartitionCache:
    """One partition: popularity over its panes, the next timer, and the latest answers."""

    state: Reader
    #: Records of the visitors of recent chunks, the latest last; `visitors.read` takes them out.
    recent: dict[bytes, bytes] = field(default_factory=dict)
    #: Their keys, where answers are sealed; `keyed`: the state has keys, or may get some.
    envelopes: dict[bytes, Envelope] = field(default_factory=dict)
    keyed: bool = False
    #: The state has records from the topic `profiles`, or may get some.
    given: bool = False
    #: What the state says of budgets.
    budgets: PartitionBudgets = field(default_factory=PartitionBudgets)
    #: What the state says of analytics.
    analytics: PartitionAnalytics = field(default_factory=PartitionAnalytics)
    #: Lower bound of the first timer (epoch minutes of event time).
    next_timer: int = timers.NEVER
    #: What `/visitors/{id}` shows.
    answers: LatestAnswers = field(default_factory=LatestAnswers)
    #: Keys of visitors whose hidden state another version computed; the latest click is at the end.
    outdated: dict[bytes, None] = field(default_factory=dict)
    _version: Version | None = None
    _popularity: Popularity = field(default_factory=Popularity)
    #: Item panes as popularity has counted them, and their present values.
    _counted: dict[bytes, bytes | None] = field(default_factory=dict)
    _present: dict[bytes, bytes | None] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Reader) -> "PartitionCache":
        """The cache of a recovered state."""
        cache = cls(state)
        cache._popularity.add(panes.weights(state.scan(state_keys.ITEM_PANE)))
        cache.next_timer = timers.first(state.scan(state_keys.TIMER))
        cache.budgets = PartitionBudgets.of(state.get([state_keys.BUDGETS])[0])
        cache.analytics = PartitionAnalytics.of(state)
        cache.given = any(True for _ in state.scan(state_keys.GIVEN))
        return cache

    def timers(self) -> Iterable[tuple[bytes, bytes]]:
        """The timers by due time."""
        return self.state.scan(state_keys.TIMER, state_keys.timers_from(self.next_timer))

    def follow_timers(self, due: Iterable[int], watermark: int) -> None:
        """Update `next_timer` after a chunk, which left its visitors `due` at these minutes.

        Reads the state only when the next timer was due.
        """
        if watermark // MINUTE_MS >= self.next_timer:
            self.next_timer = timers.first(self.timers())
        else:
            self.next_timer = min(self.next_timer, min(due, default=self.next_timer))

    def keep(self, records: Iterable[tuple[bytes, bytes]], most: int) -> None:
        """Keep visitors' records as their chunk left them.

        To decode a record again costs less than to reach the objects of one that was decoded long ago, which
        are all over the memory and no longer in the processor's caches.
        """
        recent = self.recent
        recent.update(records)
        if len(recent) > most:
            for key in list(islice(recent, len(recent) - most)):
                del recent[key]

    def note_panes(self, moved: Iterable[MovedPane]) -> None:
        """Collect changed item panes until popularity is needed."""
        counted, present = self._counted.setdefault, self._present
        for key, before, after in moved:
            counted(key, before)
            present[key] = after
        if len(self._present) > PANES_PENDING:
            self._update_popularity()

    @property
    def popularity(self) -> Popularity:
        """Popularity as of the last chunk."""
        if self._present:
            self._update_popularity()
        if self._version is not None and self._popularity.version != self._version.id:
            self._popularity = self._popularity.with_prior_of(self._version.prior)
        return self._popularity

    def _update_popularity(self) -> None:
        """Apply the collected panes; additions first, so that no weight falls below 0."""
        self._popularity.add(panes.weights(_known(self._present)))
        self._popularity.add(panes.weights(_known(self._counted), -1))
        self._present.clear()
        self._counted.clear()

    def follow(self, version: Version | None) -> None:
        """Use the prior of another model version, and note whose hidden states must be computed again."""
        if version is not None and version is not self._version:
            self._version = version
            self.outdated = dict.fromkeys(self.recent if version.neural.width else ())

    def forget(self, key: bytes) -> None:
        """Remove what the next chunk would use of the visitor with this state key."""
        self.outdated.pop(key, None)
        self.envelopes.pop(key, None)


def _known(values: Mapping[bytes, bytes | None]) -> Iterator[tuple[bytes, bytes]]:
    return ((key, value) for key, value in values.items() if value is not None)


def describe(known: Any) -> Any:
    """A value for JSON: bytes as hex, structs as objects."""
    if isinstance(known, bytes):
        return known.hex()
    if isinstance(known, Exposure):
        return describe(contents(known))
    if isinstance(known, dict):
        return {str(key): describe(value) for key, value in known.items()}
    if isinstance(known, list | tuple):
        return [describe(value) for value in known]
    if hasattr(known, "__struct_fields__"):
        return {name: describe(getattr(known, name)) for name in known.__struct_fields__}
    return known
