"""Whether a click came by the partition its key hashes to: mixed partitioners split a shop's visitors."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=1 << 17)
def home(key: bytes, partitions: int) -> int:
    """The partition of `key` for the Java client's default partitioner (murmur2)."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
