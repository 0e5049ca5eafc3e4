"""Fixed-width records packed in bytes: small sets and rings that cost one object, whatever they hold."""


def find(records: bytes, key: bytes, width: int, start: int = 0, end: int | None = None) -> int:
    """Offset, in `[start, end)`, of the first `width`-byte record that starts with `key`; -1 for none."""
    at = records.find(key, start, end)
    while at > 0 and at % width:
        at = records.find(key, at + 1, end)
    return at


def push(records: bytes, record: bytes, bound: int) -> bytes:
    """`records` with one more at the end; beyond `bound` bytes the oldest, at the front, go."""
    return (records + record)[-bound:]


def include(records: bytes, record: bytes, bound: int) -> bytes:
    """`records` as a set with `record` in it, unless `bound` bytes are full: then nothing new is taken in."""
    if len(records) >= bound or find(records, record, len(record)) >= 0:
        return records
    return records + record
