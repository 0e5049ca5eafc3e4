"""From event codes to indices of items and to rows of the input table, click by click."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

#: Codes as two words each (`models.state.codes.as_words`).
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]

#: First bits of a code's fields in its second word; the category has the lowest 32.
EVENT_AT, DWELL_AT, PRICE_AT, FLAGS_AT = map(np.uint64, (32, 40, 48, 56))
CATEGORY_MASK, BYTE, NOTHING = map(np.uint64, (0xFFFF_FFFF, 0xFF, 0))
#: Flags of a page, and the place of the two adjacent flags of an item.
PAGE_FLAG: Final = np.uint64(64)
MARKS_AT, MARKS_MASK = np.uint64(4), np.uint64(3)


@kernel
def indices(words: Words, known: Words, order: Ints, out: Ints) -> None:
    """Into `out` [N] the index of each code's item; -1 for none and for an unknown one.

    `known` [V] are the hashes of the items in ascending order, `order` [V] their indices.
    """
    for click in range(len(words)):
        page = (words[click, 1] >> FLAGS_AT) & PAGE_FLAG
        out[click] = -1 if page else index_of(words[click, 0], known, order)


@kernel
def index_of(item: np.uint64, known: Words, order: Ints) -> int:
    """The index of one item's hash; -1 for 0 and for an unknown item."""
    low, high = 0, len(known)
    while low < high:
        middle = (low + high) // 2
        if known[middle] < item:
            low = middle + 1
        else:
            high = middle
    if item == NOTHING or low == len(known) or known[low] != item:
        return -1
    return int(order[low])


@kernel
def rows(words: Words, known: Words, order: Ints, sizes: tuple[Ints, Words, Ints], out: Ints) -> None:
    """Into `out` [N, FIELDS] the rows of each code, as `Vocabulary.rows` says.

    `sizes` are the first rows of the fields [FIELDS], the numbers of hash buckets of unknown items,
    categories and pages [3], and the last buckets of dwell and price [2].
    """
    offsets, buckets, limits = sizes
    for click in range(len(words)):
        item, word = words[click, 0], words[click, 1]
        category, flags = word & CATEGORY_MASK, word >> FLAGS_AT
        event = np.int64((word >> EVENT_AT) & BYTE)
        out[click, 0] = item_row(NOTHING if flags & PAGE_FLAG else item, known, order, buckets[0])
        out[click, 1] = offsets[1] + (0 if category == NOTHING else 1 + np.int64(category % buckets[1]))
        out[click, 2] = offsets[2] + (event if event < offsets[3] - offsets[2] else 0)
        out[click, 3] = offsets[3] + min(np.int64((word >> DWELL_AT) & BYTE), limits[0])
        out[click, 4] = offsets[4] + min(np.int64((word >> PRICE_AT) & BYTE), limits[1])
        out[click, 5] = offsets[5] + np.int64((flags >> MARKS_AT) & MARKS_MASK)
        out[click, 6] = offsets[6] + (1 + np.int64(item % buckets[2]) if flags & PAGE_FLAG else 0)


@kernel
def item_row(item: np.uint64, known: Words, order: Ints, buckets: np.uint64) -> int:
    """0 for no item, then the known items, then the hash buckets of unknown ones."""
    index = index_of(item, known, order)
    if index >= 0:
        return 1 + index
    return 0 if item == NOTHING else 1 + len(known) + int(np.int64(item % buckets))
