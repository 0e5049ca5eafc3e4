"""The visitors of one chunk: read once, stepped click by click, written once."""

from collections.abc import Iterable

import msgspec

from models.state import state_keys, timers, visitor
from models.state.visitor import Visitor
from streams.effects import Reader
from streams.partition_state import links


class VisitorEntry(msgspec.Struct, gc=False):
    """A visitor during a chunk; `timer` (its minute), `known` (it had a record) and `user` are as read.

    `slot` is its row in the batch `batch` of the chunk. `due` (the minute of its timer, 0: none) and `record`
    (empty: none) are as the chunk leaves them.
    """

    key: bytes
    visitor: Visitor | None
    timer: int = 0
    known: bool = False
    slot: int = -1
    batch: int = 0
    user: str = ""
    due: int = 0
    record: bytes = b""


def changes(entries: Iterable[VisitorEntry]) -> list[tuple[bytes, bytes | None]]:
    """Changes to write: records or their deletion, and timers and links where they changed."""
    made: list[tuple[bytes, bytes | None]] = []
    encode = visitor.encode
    for entry in entries:
        user = ""
        if (found := entry.visitor) is not None:
            user = found.user_id
            entry.record = encode(found)
            made.append((entry.key, entry.record))
        elif entry.known:
            made.append((entry.key, None))
        if entry.due != entry.timer:
            made += timers.changes(entry.key, entry.timer, entry.due)
        if user != entry.user:
            made += links.changes(entry.key, entry.user, user)
    return made


def read(state: Reader, wanted: Iterable[bytes], recent: dict[bytes, bytes]) -> dict[bytes, VisitorEntry]:
    """Entries by visitor key: `recent` has records of earlier chunks, one multi-get reads the others.

    A record is taken out of `recent`, and a newer one is put in at the end when its chunk is applied.
    """
    found = {key: recent.pop(key, None) for key in wanted}
    missing = [key for key, record in found.items() if record is None]
    found.update(zip(missing, state.get(missing), strict=True))
    return {key: _entry(key, record) for key, record in found.items()}


def _entry(key: bytes, record: bytes | None) -> VisitorEntry:
    if record is None:
        return VisitorEntry(key, None)
    known = visitor.decode(record)
    return VisitorEntry(key, known, known.timer, True, -1, 0, known.user_id)


def key_of(record_key: bytes) -> bytes:
    """The state key of a record that is keyed by visitor id."""
    return state_keys.VISITOR + record_key
