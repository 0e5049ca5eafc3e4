"""From 16-byte event codes to rows of the network's input table, and from item indices to item ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from models.features import vocabulary_kernel
from models.state.codes import DWELL_BUCKETS, PRICE_BUCKETS, as_words, item_hash
from models.state.event_counts import COUNTERS

#: Rows of the small fields: event codes, dwell buckets, price buckets, (seen before, in cart).
EVENTS, DWELLS, PRICES, MARKS = COUNTERS, DWELL_BUCKETS, PRICE_BUCKETS, 4
#: Fields of a click's code, each a row of the table: item, category, event, dwell, price, marks, page.
FIELDS = 7


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of rows of the network's input table, which has one field after the other."""

    items: int
    item_buckets: int = 256
    category_buckets: int = 512
    page_buckets: int = 1024

    @property
    def item_rows(self) -> int:
        """Row 0 is "no item"; the known items follow, then the hash buckets of unknown items."""
        return 1 + self.items + self.item_buckets

    @property
    def category_rows(self) -> int:
        """Row 0 is "no category"."""
        return 1 + self.category_buckets

    @property
    def offsets(self) -> tuple[int, ...]:
        """First row of each field."""
        lengths = (self.item_rows, self.category_rows, EVENTS, DWELLS, PRICES, MARKS)
        return tuple(accumulate(lengths, initial=0))

    @property
    def rows(self) -> int:
        """Rows of the whole table."""
        return self.offsets[-1] + 1 + self.page_buckets


@dataclass(frozen=True)
class Vocabulary:
    """The items that a model version knows: `ids` and `categories` (32-bit hash, 0 = none), both [V]."""

    ids: tuple[str, ...]
    categories: NDArray[np.uint32]
    sizes: Sizes

    @classmethod
    def build(
        cls,
        ids: Sequence[str],
        categories: Sequence[int],
        item_buckets: int = 256,
        category_buckets: int = 512,
        page_buckets: int = 1024,
    ) -> "Vocabulary":
        """A vocabulary in the order of `ids` (by convention the most popular item first)."""
        sizes = Sizes(len(ids), item_buckets, category_buckets, page_buckets)
        return cls(tuple(ids), np.asarray(categories, dtype=np.uint32), sizes)

    @cached_property
    def names(self) -> NDArray[np.object_]:
        """Item ids as an object array, so that a matrix of indices is converted at once."""
        names = np.empty(len(self.ids), dtype=object)
        names[:] = self.ids
        return names

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Hashes of the items in ascending order, and their indices."""
        hashes = np.array([item_hash(item) for item in self.ids], dtype=np.uint64)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order

    def lookup(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Index of each item hash; -1 for 0 (no item) and for an unknown item."""
        known, order = self._sorted
        if not len(known):
            return np.full(len(hashes), -1)
        at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        return np.where((known[at] == hashes) & (hashes != 0), order[at], -1)

    def indices(self, codes: NDArray[np.void]) -> NDArray[np.int64]:
        """Index of the item of each code `[N]`; -1 for none and for an unknown item."""
        found = np.empty(len(codes), dtype=np.int64)
        vocabulary_kernel.indices(as_words(codes), *self._sorted, found)
        return found

    def category_rows(self, categories: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Row of each category hash within the category field; 0 for none."""
        rows = 1 + categories.astype(np.int64) % self.sizes.category_buckets
        return np.where(categories == 0, 0, rows)

    def rows(self, codes: NDArray[np.void]) -> NDArray[np.int64]:
        """Table rows `[N, FIELDS]` of N event codes.

        An unknown event gets the row of "no event", a bucket out of range that of the last bucket.
        """
        rows = np.empty((len(codes), FIELDS), dtype=np.int64)
        vocabulary_kernel.rows(as_words(codes), *self._sorted, self._sizes, rows)
        return rows

    def known_items(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of each click's item from its `rows` [N, FIELDS]; -1 for none and for an unknown item."""
        found = rows[:, 0] - 1
        found[found >= self.sizes.items] = -1
        return found

    @cached_property
    def _sizes(self) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
        sizes = self.sizes
        buckets = sizes.item_buckets, sizes.category_buckets, sizes.page_buckets
        return (
            np.array(sizes.offsets, dtype=np.int64),
            np.array(buckets, dtype=np.uint64),
            np.array([DWELLS - 1, PRICES - 1]),
        )
