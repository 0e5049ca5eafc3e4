"""Texts and flags as few numbers, remembered: a shop's clicks repeat the same ones."""

import re
from functools import lru_cache, reduce
from itertools import pairwise
from operator import or_
from typing import Final

import xxhash

from models.events import CLIPPED, DROPPED

#: Buckets that the words of a query, and its pairs of words, hash into.
QUERY_BUCKETS: Final = 16
#: What `damage` tells of, by bit.
DAMAGE: Final = {
    "dropped": sum(DROPPED.values()),
    "cut": sum(CLIPPED.values()),
    "price_clipped": CLIPPED["price"],
    "rating_clipped": CLIPPED["rating"],
}


@lru_cache(maxsize=1 << 14)
def one_of(text: str | None, buckets: int) -> int:
    """A hashed bucket 1..buckets-1 of a text whatever its case, 0 for none."""
    return 1 + xxhash.xxh3_64_intdigest(text.lower().encode()) % (buckets - 1) if text else 0


@lru_cache(maxsize=1 << 14)
def words(query: str) -> int:
    """Buckets of a query's words and pairs of words, as bits (feature hashing, Weinberger et al. 2009)."""
    found = re.findall(r"\w+", query.lower())
    grams = [*found, *map(" ".join, pairwise(found))]
    return reduce(or_, (1 << xxhash.xxh3_64_intdigest(gram.encode()) % QUERY_BUCKETS for gram in grams), 0)


@lru_cache(maxsize=1 << 12)
def damage(flags: int) -> int:
    """What the decoder did to a click, from its `flags`, as bits in the order of DAMAGE."""
    return sum(1 << bit for bit, kinds in enumerate(DAMAGE.values()) if flags & kinds)
