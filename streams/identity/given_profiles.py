"""What the topic `profiles` says of a chunk's visitors: kept beside their records, also of the unknown."""

from collections.abc import Mapping

from models.state import state_keys, traits
from models.state.traits import Traits
from streams.partition_state.visitors import VisitorEntry


class Said:
    """By the key of a visitor's record; `kept`: the partition's state may have something."""

    def __init__(self, kept: bool) -> None:
        self.kept = kept
        self._known: dict[bytes, Traits | None] = {}
        self._changed: set[bytes] = set()

    def wanted(self, entries: Mapping[bytes, VisitorEntry]) -> list[bytes]:
        """Visitors of whom there may be something: the record of a known one says whether there is."""
        if not self.kept:
            return []
        return [key for key, one in entries.items() if one.visitor is None or one.visitor.given is not None]

    def read(self, key: bytes, value: bytes | None) -> None:
        """Take what is stored."""
        self._known[key] = None if value is None else traits.decode(value)

    def of(self, key: bytes) -> Traits | None:
        """What is known by now."""
        return self._known.get(key)

    def keep(self, key: bytes, given: Traits | None) -> None:
        """Know this instead; None: nothing."""
        if given != self._known.get(key):
            self._known[key] = given
            self._changed.add(key)

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """What to write."""
        changed = ((key, self._known[key]) for key in self._changed)
        return [(state_keys.given(key), traits.encode(one) if one else None) for key, one in changed]
