"""What a worker keeps in memory of an assigned partition: derived from the state, never the truth."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from models.durations import MINUTE_MS
from models.privacy.envelope import Envelope
from models.registry.versions import Version
from models.scoring.popularity import Popularity
from models.state import panes, state_keys, timers
from models.state.visitor import Visitor
from streams.effects import Message, Reader

#: Visitors whose last answers `/visitors/{id}` can show.
ANSWERS_KEPT = 10_000
#: Changed item panes that may wait until popularity is asked for.
PANES_PENDING = 50_000


@dataclass
class PartitionCache:
    """One partition: popularity over its panes, the next timer, and the answers given last."""

    state: Reader
    #: Visitors of recent chunks as committed, the latest last; `entries.read` takes them out.
    recent: dict[bytes, Visitor] = field(default_factory=dict)
    #: Their keys, where answers are sealed; `keyed`: the state has some, or may come to.
    envelopes: dict[bytes, Envelope] = field(default_factory=dict)
    keyed: bool = False
    #: The state has what the topic `profiles` says of visitors, or may come to.
    given: bool = False
    #: No timer is before this minute (epoch minutes of event time); the first may be later.
    next_timer: int = timers.NEVER
    answers: dict[str, tuple[Message, ...]] = field(default_factory=dict)
    #: Feature rows of the clicks that they answer.
    rows: dict[str, bytes] = field(default_factory=dict)
    #: Keys of visitors whose hidden state another version made; who clicked last is at the end.
    outdated: dict[bytes, None] = field(default_factory=dict)
    _version: Version | None = None
    _popularity: Popularity = field(default_factory=Popularity)
    #: Item panes as popularity knows them, and as they are by now.
    _counted: dict[bytes, bytes | None] = field(default_factory=dict)
    _present: dict[bytes, bytes | None] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Reader) -> "PartitionCache":
        """From a partition's state, after recovery."""
        memory = cls(state)
        memory._popularity.add(panes.weights(state.scan(state_keys.ITEM_PANE)))
        memory.next_timer = timers.first(state.scan(state_keys.TIMER))
        memory.given = any(True for _ in state.scan(state_keys.GIVEN))
        return memory

    def timers(self) -> Iterable[tuple[bytes, bytes]]:
        """The timers, first to ring first."""
        return self.state.scan(state_keys.TIMER, state_keys.timers_from(self.next_timer))

    def follow_timers(self, visitors: Iterable[Visitor | None], watermark: int) -> None:
        """Follow the timers of a committed chunk: a look at the state is due once the next one is due."""
        if watermark // MINUTE_MS >= self.next_timer:
            self.next_timer = timers.first(self.timers())
        else:
            live = (visitor.timer for visitor in visitors if visitor is not None)
            self.next_timer = min((self.next_timer, *live))

    def keep(self, visitors: Iterable[tuple[bytes, Visitor | None]], most: int) -> None:
        """Keep visitors as their chunk left them: reading one back costs as much as stepping a few clicks."""
        recent = self.recent
        recent.update((key, visitor) for key, visitor in visitors if visitor is not None)
        for key in list(islice(recent, max(0, len(recent) - most))):
            del recent[key]

    def saw(self, moved: Iterable[tuple[bytes, bytes | None, bytes | None]]) -> None:
        """Item panes that changed: key, value before and after; they count once popularity is asked for."""
        for key, before, after in moved:
            self._counted.setdefault(key, before)
            self._present[key] = after
        if len(self._present) > PANES_PENDING:
            self._settle()

    @property
    def popularity(self) -> Popularity:
        """Popularity as of the last committed chunk."""
        if self._present:
            self._settle()
        if self._version is not None and self._popularity.version != self._version.id:
            self._popularity = self._popularity.with_prior_of(self._version.prior)
        return self._popularity

    def _settle(self) -> None:
        """Additions first, so that no weight falls below 0 on the way."""
        self._popularity.add(panes.weights(_known(self._present)))
        self._popularity.add(panes.weights(_known(self._counted), -1))
        self._present.clear()
        self._counted.clear()

    def follow(self, version: Version | None) -> None:
        """Take another model version's prior, and know whose hidden states are to be made again."""
        if version is not None and version is not self._version:
            self._version = version
            self.outdated = dict.fromkeys(self.recent if version.neural.width else ())

    def remember(self, answers: Mapping[str, tuple[Message, ...]], rows: Mapping[str, bytes]) -> None:
        """Keep the latest answers of visitors, and the feature rows of their clicks."""
        for visitor_id in answers.keys() & self.answers.keys():
            del self.answers[visitor_id]
        self.answers.update(answers)
        self.rows.update(rows)
        while len(self.answers) > ANSWERS_KEPT:
            oldest = next(iter(self.answers))
            del self.answers[oldest], self.rows[oldest]

    def forget(self, key: bytes) -> None:
        """Nothing of the visitor with this state key stays."""
        visitor_id = state_keys.visitor_id(key)
        self.answers.pop(visitor_id, None)
        self.rows.pop(visitor_id, None)
        self.outdated.pop(key, None)
        self.envelopes.pop(key, None)


def _known(values: Mapping[bytes, bytes | None]) -> Iterator[tuple[bytes, bytes]]:
    return ((key, value) for key, value in values.items() if value is not None)


def describe(known: Any) -> Any:
    """For JSON: bytes as hex, structs as objects."""
    if isinstance(known, bytes):
        return known.hex()
    if isinstance(known, dict):
        return {str(key): describe(value) for key, value in known.items()}
    if isinstance(known, list | tuple):
        return [describe(value) for value in known]
    if hasattr(known, "__struct_fields__"):
        return {name: describe(getattr(known, name)) for name in known.__struct_fields__}
    return known
