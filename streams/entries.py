"""The visitors of one chunk: read once, stepped click by click, written once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models import keys, timers, visitor
from models.visitor import Visitor
from streams.effects import Reader


@dataclass(slots=True)
class Entry:
    """A visitor as it is by now; `timer` (its minute) and whether it was `known` are as read.

    `slot` is its place in the chunk's batch.
    """

    key: bytes
    visitor: Visitor | None
    timer: int = 0
    known: bool = False
    slot: int = -1

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """What to write: the record, or its deletion, and the timer where it moved."""
        timer = self.visitor.timer if self.visitor else 0
        moved = timers.changes(self.key, self.timer, timer)
        if self.visitor is not None:
            moved.append((self.key, visitor.encode(self.visitor)))
        elif self.known:
            moved.append((self.key, None))
        return moved


def read(state: Reader, wanted: Iterable[bytes]) -> dict[bytes, Entry]:
    """Entries of visitors' keys, in one multi-get."""
    found: Sequence[bytes] = list(wanted)
    return {key: _entry(key, value) for key, value in zip(found, state.get(found), strict=True)}


def _entry(key: bytes, value: bytes | None) -> Entry:
    if value is None:
        return Entry(key, None)
    known = visitor.decode(value)
    return Entry(key, known, known.timer, True)


def key_of(record_key: bytes) -> bytes:
    """The state's key of a record whose key is its visitor's id."""
    return keys.VISITOR + record_key
