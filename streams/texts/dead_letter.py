"""Dead letters: the original bytes unchanged, with the reason in headers."""

from typing import Any

from models.contract.events import Reason
from streams.config.topic_headers import REPLAY_ATTEMPT, REPLAYED_FROM
from streams.effects import Message

#: The dead letter's own headers, in this order; those of the input follow.
HEADERS = (
    "reason",
    "message",
    "source-topic",
    "source-partition",
    "source-offset",
    "source-timestamp",
    "cut",
)
#: Kafka does not take a record with neither key nor value.
_NOTHING = b""
#: A compressed input may exceed what the dead-letter topic takes (2 MiB): then only its beginning is kept.
MOST_BYTES = 1_900_000
_MOST_KEY = 100_000
_MOST_HEADER = 400


def encode_dead_letter(record: Any, topic: str, partition: int, reason: Reason, message: str) -> Message:
    """The dead letter of a consumer record; its own headers come first, the record's follow.

    An input longer than MOST_BYTES is cut, keeps only the headers of a replay, and the message says so.
    """
    key, value, kept = record.key, record.value, list(record.headers)
    cut = _size(key, value, kept) > MOST_BYTES
    if cut:
        key, kept = key and key[:_MOST_KEY], _of_replay(kept)
        value = value and value[: MOST_BYTES - len(key or b"")]
    own = (
        reason.value.encode(),
        message.encode("utf-8", "replace"),
        topic.encode(),
        str(partition).encode(),
        str(record.offset).encode(),
        str(record.timestamp).encode(),
        b"yes" if cut else b"no",
    )
    headers = [*zip(HEADERS, own, strict=True), *kept]
    return key, _NOTHING if key is None and value is None else value, headers


def _of_replay(headers: list[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    """The headers that `pathcast dead-letters replay` set; longer ones cannot be its own."""
    own = REPLAYED_FROM, REPLAY_ATTEMPT
    return [(name, value) for name, value in headers if name in own and len(value or b"") < _MOST_HEADER]


def _size(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> int:
    """Bytes of headers, with each character of a name at UTF-8's longest."""
    return (
        len(key or b"") + len(value or b"") + sum(4 * len(name) + len(held or b"") for name, held in headers)
    )
