"""Fixed-width records packed in bytes: small sets and queues as one object, whatever they hold."""


def find(records: bytes, key: bytes, width: int, start: int = 0, end: int | None = None) -> int:
    """Offset, in `[start, end)`, of the first `width`-byte record that starts with `key`; -1 for none."""
    at = records.find(key, start, end)
    while at > 0 and at % width:
        at = records.find(key, at + 1, end)
    return at


def has(records: bytes, key: bytes, width: int) -> bool:
    """Whether a `width`-byte record starts with `key`."""
    # Most keys are nowhere, which is the cheapest to see.
    return key in records and find(records, key, width) >= 0
