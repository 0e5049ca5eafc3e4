"""Fixed-width records packed in bytes: small sets and rings that cost one object, whatever they hold."""


def find(records: bytes, key: bytes, width: int, start: int = 0, end: int | None = None) -> int:
    """Offset, in `[start, end)`, of the first `width`-byte record that starts with `key`; -1 for none."""
    at = records.find(key, start, end)
    while at > 0 and at % width:
        at = records.find(key, at + 1, end)
    return at


def include(records: bytes, record: bytes, bound: int) -> bytes:
    """`records` as a set with `record` in it, unless `bound` bytes are full: then nothing new is taken in."""
    if record in records and find(records, record, len(record)) >= 0:
        return records
    return records + record if len(records) < bound else records
