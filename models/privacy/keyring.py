"""The keys of all visitors, read from the topic of keys, for readers of sealed answers."""

from collections import OrderedDict
from typing import Final

from models.privacy.envelope import Envelope, Envelopes, KeyGone, is_sealed, name_in, name_of

#: Most opened keys in the cache.
MOST_OPEN: Final = 10_000
#: Partition and visitor: a visitor whose clicks went to two partitions has a key on each.
_Place = tuple[int, bytes]


class Keyring:
    """The wrapped keys of all visitors, about 300 bytes each; opens values with them."""

    def __init__(self, envelopes: Envelopes) -> None:
        self._envelopes = envelopes
        self._wrapped: dict[_Place, bytes] = {}
        self._open: OrderedDict[_Place, Envelope] = OrderedDict()

    def take(self, partition: int, visitor: bytes, wrapped: bytes | None) -> None:
        """Apply a record of the topic of keys, in order; None deletes the key."""
        self._open.pop((partition, visitor), None)
        if wrapped is None:
            self._wrapped.pop((partition, visitor), None)
        else:
            self._wrapped[partition, visitor] = wrapped

    def has(self, partition: int, visitor: bytes, value: bytes) -> bool:
        """Whether the key of a sealed value exists."""
        return name_of(self._wrapped.get((partition, visitor), b"")) == name_in(value)

    def open(self, role: str, partition: int, visitor: bytes, value: bytes) -> bytes:
        """The value in the clear, a plain one as it is; `role` is its topic's field in the topic names.

        Partition and visitor are those of the record; its key is on the same partition of the other topic.
        Raises KeyGone, NotOpened or WrongMaster.
        """
        if not is_sealed(value):
            return value
        if not self.has(partition, visitor, value):
            raise KeyGone(
                f"a sealed value of {role} needs a key that is not there: its visitor was forgotten or has "
                "expired, or the topic of keys was not read far enough; nothing else opens it"
            )
        return self._ready((partition, visitor)).open(role, value)

    def _ready(self, place: _Place) -> Envelope:
        found = self._open.pop(place, None) or self._envelopes.unwrap(place[1], self._wrapped[place])
        self._open[place] = found
        if len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return found
