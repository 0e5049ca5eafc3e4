"""The catalogue: what the shop sells, read from the topic `items`."""

from collections.abc import Callable, Iterable, Iterator

import msgspec
import xxhash

from models.contract.items import Item, read_id, read_item
from models.contract.values import Unreadable

__all__ = ["Catalogue", "Item"]


class Catalogue:
    """Items by id, with a version that is the same wherever the same topic was read."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._digest = 0
        self.unreadable = 0
        self._followers: list[Callable[[str, Item | None], None]] = []
        #: item_id -> Item or None; bound once because every click asks.
        self.get = self._items.get

    @property
    def version(self) -> str:
        """Sixteen hex digits; they depend on the content, not on the order in which it came."""
        return f"{self._digest:016x}"

    def __getitem__(self, item_id: str) -> Item:
        return self._items[item_id]

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def follow(self, changed: Callable[[str, Item | None], None]) -> None:
        """Call `changed(item_id, item)` on every change."""
        self._followers.append(changed)

    def put(self, item_id: str, item: Item | None) -> None:
        """Set an item, or remove it (None)."""
        known = self._items.pop(item_id, None)
        if known is not None:
            self._digest ^= _hash(item_id, known)
        if item is not None:
            self._items[item_id] = item
            self._digest ^= _hash(item_id, item)
        for changed in self._followers:
            changed(item_id, item)

    def apply(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Apply (key, value) pairs of the topic `items`; value None removes the item.

        An unreadable record is counted in `unreadable` and leaves the item unchanged.
        """
        for key, value in records:
            try:
                item_id = read_id(key)
                item = None if value is None else read_item(value)
            except Unreadable:
                self.unreadable += 1
            else:
                self.put(item_id, item)


_encoder = msgspec.msgpack.Encoder()


def _hash(item_id: str, item: Item) -> int:
    return xxhash.xxh3_64_intdigest(_encoder.encode((item_id, item)))
