"""From 16-byte event codes to rows of the network's input table, and from item indices to item ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from models.state.codes import DWELL_BUCKETS, PAGE, PRICE_BUCKETS, SEEN, item_hash, items
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
        hashes = np.array([item_hash(item) for item in self.ids], dtype=np.uint64)
        order = np.argsort(hashes, kind="stable")
        # A sentinel keeps the insertion point of the largest hash inside the arrays.
        return np.append(hashes[order], np.uint64(0)), np.append(order, -1).astype(np.int64)

    def lookup(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Index of each item hash; -1 for 0 (no item) and for an unknown item."""
        known, order = self._sorted
        at = np.searchsorted(known[:-1], hashes)
        return np.where((known[at] == hashes) & (hashes != 0), order[at], -1)

    def category_rows(self, categories: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Row of each category hash within the category field; 0 for none."""
        rows = 1 + categories.astype(np.int64) % self.sizes.category_buckets
        return np.where(categories == 0, 0, rows)

    def rows(self, codes: NDArray[np.void]) -> NDArray[np.int64]:
        """Table rows `[N, FIELDS]` of N event codes.

        An unknown event gets the row of "no event", a bucket out of range that of the last bucket.
        """
        offsets, hashes = self.sizes.offsets, items(codes)
        index = self.lookup(hashes)
        bucket = 1 + self.sizes.items + (hashes % np.uint64(self.sizes.item_buckets)).astype(np.int64)
        rows = np.empty((len(codes), FIELDS), dtype=np.int64)
        rows[:, 0] = np.where(index >= 0, index + 1, np.where(hashes == 0, 0, bucket))
        rows[:, 1] = offsets[1] + self.category_rows(codes["category"])
        rows[:, 2] = offsets[2] + np.where(codes["event"] < EVENTS, codes["event"], np.int64(0))
        rows[:, 3] = offsets[3] + np.minimum(codes["dwell"], np.int64(DWELLS - 1))
        rows[:, 4] = offsets[4] + np.minimum(codes["price"], np.int64(PRICES - 1))
        # SEEN and IN_CART are adjacent bits.
        rows[:, 5] = offsets[5] + codes["flags"].astype(np.int64) // SEEN % MARKS
        page = 1 + (codes["item"] % np.uint64(self.sizes.page_buckets)).astype(np.int64)
        rows[:, 6] = offsets[6] + np.where(codes["flags"] & PAGE, page, 0)
        return rows
