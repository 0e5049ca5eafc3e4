"""The visitors of one chunk: read once, stepped click by click, written once."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.state import state_keys, timers, visitor
from models.state.visitor import Visitor
from streams.effects import Reader
from streams.partition_state import links


@dataclass(slots=True)
class VisitorEntry:
    """A visitor as it is by now; `timer` (its minute), whether it was `known`, and `user` are as read.

    `slot` is its place in the chunk's batch number `batch`.
    """

    key: bytes
    visitor: Visitor | None
    timer: int = 0
    known: bool = False
    slot: int = -1
    batch: int = 0
    user: str = ""

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """What to write: the record, or its deletion, and the timer where it moved."""
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
    """Entries of visitors' keys: those of chunks before are in `recent`, the others come in one multi-get.

    A visitor is taken out of `recent`, since it is about to change; it may be put back once its chunk is
    committed. So what a failed chunk has changed is never seen again.
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
    """The state's key of a record whose key is its visitor's id."""
    return state_keys.VISITOR + record_key
