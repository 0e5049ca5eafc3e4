"""Texts and flags as few numbers, remembered: a shop's clicks repeat the same ones."""

import re
from functools import lru_cache, reduce
from itertools import pairwise
from operator import or_
from typing import Final

import xxhash

from models.contract.events import CLIPPED, DROPPED

#: Texts whose buckets are remembered.
REMEMBERED: Final = 1 << 14
#: Buckets that the words of a query, and its pairs of words, hash into.
QUERY_BUCKETS: Final = 16
#: What `damage_bits` tells of, by bit.
DAMAGE: Final = {
    "dropped": sum(DROPPED.values()),
    "cut": sum(CLIPPED.values()),
    "price_clipped": CLIPPED["price"],
    "rating_clipped": CLIPPED["rating"],
}


class Buckets(dict[str | None, int]):
    """`buckets[text]`: one of 1..size-1 by the text's hash, whatever its case; 0 for none.

    A dictionary, because a look-up costs a third of a call.
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
    """Buckets of a query's words and pairs of words, as bits (feature hashing, Weinberger et al. 2009)."""
    found = re.findall(r"\w+", query.lower())
    grams = [*found, *map(" ".join, pairwise(found))]
    return reduce(or_, (1 << xxhash.xxh3_64_intdigest(gram.encode()) % QUERY_BUCKETS for gram in grams), 0)


@lru_cache(maxsize=1 << 12)
def damage_bits(flags: int) -> int:
    """What the decoder did to a click, from its `flags`, as bits in the order of DAMAGE."""
    return sum(1 << bit for bit, kinds in enumerate(DAMAGE.values()) if flags & kinds)
