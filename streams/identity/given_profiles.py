"""Profiles from the topic `profiles` for a chunk's visitors, kept beside records and for unknown visitors."""

from collections.abc import Mapping

from models.state import state_keys, traits
from models.state.traits import Traits
from streams.partition_state.visitors import VisitorEntry


class GivenProfiles:
    """Given profiles by the key of the visitor's record; `kept`: the partition's state may hold some."""

    def __init__(self, kept: bool) -> None:
        self.kept = kept
        self._known: dict[bytes, Traits | None] = {}
        self._changed: set[bytes] = set()

    def wanted(self, entries: Mapping[bytes, VisitorEntry]) -> list[bytes]:
        """Keys of visitors that may have a stored profile; a known visitor's record says whether it does."""
        if not self.kept:
            return []
        return [key for key, one in entries.items() if one.visitor is None or one.visitor.given is not None]

    def read(self, key: bytes, value: bytes | None) -> None:
        """Take the stored profiles."""
        self._known[key] = None if value is None else traits.decode(value)

    def of(self, key: bytes) -> Traits | None:
        """The visitor's given profile so far; None: nothing."""
        return self._known.get(key)

    def keep(self, key: bytes, given: Traits | None) -> None:
        """Replace the visitor's given profile; None deletes it."""
        if given != self._known.get(key):
            self._known[key] = given
            self._changed.add(key)

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """State changes: key and value, None deletes."""
        changed = ((key, self._known[key]) for key in self._changed)
        return [(state_keys.given(key), traits.encode(one) if one else None) for key, one in changed]
