"""The visitors of one chunk: read once, stepped click by click, written once."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.state import state_keys, timers, visitor
from models.state.visitor import Visitor
from streams.effects import Reader
from streams.partition_state import links


@dataclass(slots=True)
class VisitorEntry:
    """A visitor during a chunk; `timer` (its minute), `known` (it had a record) and `user` are as read.

    `slot` is its row in the batch `batch` of the chunk.
    """

    key: bytes
    visitor: Visitor | None
    timer: int = 0
    known: bool = False
    slot: int = -1
    batch: int = 0
    user: str = ""

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Changes to write: the record or its deletion, and the timer and link where they changed."""
        timer = self.visitor.timer if self.visitor else 0
        moved = timers.changes(self.key, self.timer, timer)
        user = self.visitor.user_id if self.visitor else ""
        if user != self.user:
            moved += links.changes(self.key, self.user, user)
        if self.visitor is not None:
            moved.append((self.key, visitor.encode(self.visitor)))
        elif self.known:
            moved.append((self.key, None))
        return moved


def read(state: Reader, wanted: Iterable[bytes], recent: dict[bytes, Visitor]) -> dict[bytes, VisitorEntry]:
    """Entries by visitor key: `recent` has visitors of earlier chunks, one multi-get reads the others.

    A visitor is taken out of `recent`, because it is about to change, and is put back when its chunk is
    committed. So no later chunk sees the changes of a failed one.
    """
    found = {key: recent.pop(key, None) for key in wanted}
    missing = [key for key, seen in found.items() if seen is None]
    stored = dict(zip(missing, state.get(missing), strict=True))
    return {
        key: _entry(key, stored[key]) if seen is None else _known(key, seen) for key, seen in found.items()
    }


def _entry(key: bytes, value: bytes | None) -> VisitorEntry:
    if value is None:
        return VisitorEntry(key, None)
    return _known(key, visitor.decode(value))


def _known(key: bytes, found: Visitor) -> VisitorEntry:
    return VisitorEntry(key, found, found.timer, True, user=found.user_id)


def key_of(record_key: bytes) -> bytes:
    """The state key of a record that is keyed by visitor id."""
    return state_keys.VISITOR + record_key
