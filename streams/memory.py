"""What a worker keeps in memory of an owned partition: derived from the state, never the truth."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from models import keys, panes, timers
from models.popularity import Popularity
from models.versions import Version
from streams.effects import Message, Reader

#: Visitors whose last answers `/visitors/{id}` can show.
ANSWERS_KEPT = 10_000


@dataclass
class Memory:
    """One partition: popularity over its panes, the next timer, and the answers given last."""

    state: Reader
    popularity: Popularity = field(default_factory=Popularity)
    #: No timer rings before this minute (epoch minutes of event time).
    next_timer: int = timers.NEVER
    answers: OrderedDict[str, tuple[Message, ...]] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, state: Reader) -> "Memory":
        """From a partition's state, after recovery."""
        memory = cls(state)
        memory.popularity.add(panes.weights(state.scan(keys.ITEM_PANE)))
        memory.next_timer = timers.first(state.scan(keys.TIMER))
        return memory

    def follow(self, version: Version | None) -> None:
        """Take a model version's prior, if it is another one."""
        if version is not None and self.popularity.version != version.id:
            self.popularity = self.popularity.with_prior(version.prior(), version.rates, version.id)

    def remember(self, visitor_id: str, answers: tuple[Message, ...]) -> None:
        """Keep the latest answers of a visitor."""
        self.answers[visitor_id] = answers
        self.answers.move_to_end(visitor_id)
        while len(self.answers) > ANSWERS_KEPT:
            self.answers.popitem(last=False)


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
