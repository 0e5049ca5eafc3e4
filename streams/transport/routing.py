"""The partition of a key, to detect misrouted clicks: mixed partitioners split the clicks of a visitor."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=1 << 17)
def home(key: bytes, partitions: int) -> int:
    """The partition of `key` for the Java client's default partitioner (murmur2)."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
