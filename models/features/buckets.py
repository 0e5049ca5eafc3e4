"""Texts and flags as bucket numbers, cached because the clicks of a shop repeat the same texts."""

import re
from functools import lru_cache, reduce
from itertools import pairwise
from operator import or_
from typing import Final

import xxhash

from models.contract.events import CLIPPED, DROPPED

#: Texts in the cache.
REMEMBERED: Final = 1 << 14
#: Buckets that the words of a query, and its pairs of words, hash into.
QUERY_BUCKETS: Final = 16
#: Flags of each bit of `damage_bits`.
DAMAGE: Final = {
    "dropped": sum(DROPPED.values()),
    "cut": sum(CLIPPED.values()),
    "price_clipped": CLIPPED["price"],
    "rating_clipped": CLIPPED["rating"],
}


class Buckets(dict[str | None, int]):
    """`buckets[text]` is 1..size-1 by the hash of the lower-case text; 0 for None and an empty text.

    It is a dictionary because reading a key takes a third of the time of a call.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def __missing__(self, text: str | None) -> int:
        if len(self) >= REMEMBERED:
            self.clear()
        digest = xxhash.xxh3_64_intdigest(text.lower().encode()) if text else 0
        found = self[text] = 1 + digest % (self.size - 1) if text else 0
        return found


@lru_cache(maxsize=1 << 14)
def query_bits(query: str) -> int:
    """Buckets of a query's words and word pairs, as bits (feature hashing, Weinberger et al. 2009)."""
    found = re.findall(r"\w+", query.lower())
    grams = [*found, *map(" ".join, pairwise(found))]
    return reduce(or_, (1 << xxhash.xxh3_64_intdigest(gram.encode()) % QUERY_BUCKETS for gram in grams), 0)


@lru_cache(maxsize=1 << 12)
def damage_bits(flags: int) -> int:
    """What the decoder changed in a click, from its `flags`, as bits in the order of DAMAGE."""
    return sum(1 << bit for bit, kinds in enumerate(DAMAGE.values()) if flags & kinds)
