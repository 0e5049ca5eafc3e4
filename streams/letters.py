"""Dead letters: the original bytes unchanged, and why, in headers."""

from typing import Any

from models.events import Reason
from streams.effects import Message

#: Kafka does not take a record with neither key nor value.
_NOTHING = b""


def letter(record: Any, topic: str, partition: int, reason: Reason, message: str) -> Message:
    """The dead letter of a consumer record; headers of its own come first, the record's after them."""
    headers = [
        ("reason", reason.value.encode()),
        ("message", message.encode("utf-8", "replace")),
        ("source-topic", topic.encode()),
        ("source-partition", str(partition).encode()),
        ("source-offset", str(record.offset).encode()),
        ("source-timestamp", str(record.timestamp).encode()),
        *record.headers,
    ]
    key, value = record.key, record.value
    return key, _NOTHING if key is None and value is None else value, headers
