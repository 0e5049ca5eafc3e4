"""A click's code of 16 bytes: what the state keeps of a click, sufficient for a network to read it again.

Items are hashes, so codes do not depend on a vocabulary: each model version maps hashes to its indices.
"""

from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

CODE: Final = np.dtype(
    [
        ("item", "<u8"),
        ("category", "<u4"),
        ("event", "u1"),
        ("dwell", "u1"),
        ("price", "u1"),
        ("flags", "u1"),
    ]
)
WIDTH: Final = CODE.itemsize
#: Where a code has its event.
EVENT_OFFSET: Final = 12
ITEM_BYTES: Final = 8

DWELL_BUCKETS: Final = 16
PRICE_BUCKETS: Final = 32

#: Bits of `flags`.
FRESH: Final = 1  # the first click of its session
REORDERED: Final = 2  # older than a click applied before it
RATE: Final = 4  # more clicks in this minute than a person makes
CLIPPED: Final = 8  # an amount of the event was beyond its bounds
SEEN: Final = 16  # the item was met before in this session
IN_CART: Final = 32  # the item was in the cart before this click
PAGE: Final = 64  # the click names no item: the item field holds its page's hash
CLOCK: Final = 128  # beyond the allowed lateness, but in order of arrival: two clocks disagree

NO_ITEM: Final = bytes(ITEM_BYTES)


def item_hash(item_id: str | None) -> int:
    """xxh3-64 of an item id, never 0; 0 for none."""
    if item_id is None:
        return 0
    return xxhash.xxh3_64_intdigest(item_id.encode()) or 1


def category_hash(category: str | None) -> int:
    """The low 32 bits of the xxh3-64 of a category, never 0; 0 for none."""
    if category is None:
        return 0
    return (xxhash.xxh3_64_intdigest(category.encode()) & 0xFFFF_FFFF) or 1


class ItemIdentity(NamedTuple):
    """Which item: its hash's 8 bytes (little-endian) and its category's 32-bit hash; zeros for none."""

    item: bytes
    category: int


@lru_cache(maxsize=1 << 16)
def identity(item_id: str | None, category: str | None) -> ItemIdentity:
    """The hashes of an item and its category, cached: a shop's clicks are about few items."""
    return ItemIdentity(item_hash(item_id).to_bytes(ITEM_BYTES, "little"), category_hash(category))


#: `pack(item bytes, category hash, event, dwell bucket, price bucket, flags)` makes a code.
pack: Final = Struct("<8sI4B").pack


_DWELL_BY_BITS: Final = tuple(min(DWELL_BUCKETS - 1, max(1, bits - 6)) for bits in range(64))


def dwell_bucket(dwell_ms: int) -> int:
    """Time since the session's click before: 1 below 128 ms, one more per doubling, 15 from 17.5 minutes.

    The first click of a session has bucket 0 (see `session.step`).
    """
    return _DWELL_BY_BITS[dwell_ms.bit_length()]


@lru_cache(maxsize=1 << 14)
def price_bucket(price: float | None) -> int:
    """0 for no price, 1 below 0.25, then two buckets per doubling (at 1 and 1.5 times powers of 2) to 31."""
    if price is None:
        return 0
    quarters = int(price * 4)
    if quarters < 2:
        return 1 + quarters
    octave = quarters.bit_length() - 1
    return min(31, 2 + 2 * octave + (quarters >> (octave - 1) & 1))


def items(codes: NDArray[np.void]) -> NDArray[np.uint64]:
    """Item hash of each code `[N]`, 0 for none (a page's hash is none)."""
    return np.where(codes["flags"] & PAGE, np.uint64(0), codes["item"])


def unpack(codes: bytes) -> NDArray[np.void]:
    """Packed codes as a read-only array `[N]` of CODE."""
    return np.frombuffer(codes, dtype=CODE)


def as_words(codes: NDArray[np.void]) -> NDArray[np.uint64]:
    """Codes as two 64-bit words each `[N, 2]`, for kernels: the item, then the other fields from low to high.

    Always read-only, so that kernels are compiled once for codes from anywhere.
    """
    words = np.ascontiguousarray(codes).view(np.uint64).reshape(-1, 2)
    words.flags.writeable = False
    return words
