"""How keys and values stand on the shop's topics: bare, in quotes, or behind a schema registry's prefix.

A record that has neither prefix nor quotes is read as it is, so that producers can change one after another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from models.contract.events import Reason, Rejected

KeyFormat = Literal["raw", "json", "framed", "framed-json"]
ValueFormat = Literal["json", "framed"]
Pair = tuple[bytes | None, bytes | None]
#: A zero byte and the schema's number (4 bytes, big-endian): what serialisers of a schema registry write.
PREFIX_BYTES: Final = 5
_STANDS: Final = {
    "json": "the visitor_id as JSON (in quotes, or in an object)",
    "framed": "the visitor_id behind a schema registry's prefix of 5 bytes",
    "framed-json": "the visitor_id as JSON (in quotes, or in an object) behind a schema registry's prefix of "
    "5 bytes",
}
_json = msgspec.json.Decoder().decode


class InputRecord(Protocol):
    """The fields of a Kafka record that are read here; `timestamp` in epoch ms, negative if absent."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes]]


@dataclass(slots=True)
class BareRecord:
    """A record without prefix and quotes."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes]]


class WireFormat(NamedTuple):
    """The formats of keys and values: PATHCAST_KEY_FORMAT and PATHCAST_VALUE_FORMAT."""

    key: KeyFormat = "raw"
    value: ValueFormat = "json"

    @property
    def plain(self) -> bool:
        """Whether records are read as they are."""
        return self == WireFormat()

    def bare_key(self, key: bytes | None) -> bytes | None:
        """The id that a key holds."""
        if key is None or self.key == "raw":
            return key
        bare = _unframed(key) if self.key.startswith("framed") else key
        return _unquoted(bare) if self.key.endswith("json") else bare

    def bare_value(self, value: bytes | None) -> bytes | None:
        """The JSON that a value holds."""
        return value if value is None or self.value == "json" else _unframed(value)

    def bare(self, records: Sequence[InputRecord]) -> Sequence[InputRecord]:
        """The records without prefixes and quotes, in order."""
        if self.plain:
            return records
        return [
            BareRecord(self.bare_key(one.key), self.bare_value(one.value), one.timestamp, one.headers)
            for one in records
        ]

    def pairs(self, found: Iterable[Pair]) -> list[Pair]:
        """Keys and values without prefixes and quotes, in order."""
        return [(self.bare_key(key), self.bare_value(value)) for key, value in found]


PLAIN: Final = WireFormat()


def _unframed(raw: bytes) -> bytes:
    return raw[PREFIX_BYTES:] if raw[:1] == b"\0" and len(raw) > PREFIX_BYTES else raw


def _unquoted(key: bytes) -> bytes:
    """The text of a JSON string, also where it is the only field of an object, or Kafka Connect's payload."""
    if key[:1] not in (b'"', b"{"):
        return key
    try:
        text = _inner(_json(key))
        return key if text is None else text.encode()
    except (ValueError, RecursionError):
        return key


def _inner(found: Any) -> str | None:
    while isinstance(found, dict):
        if found.keys() == {"schema", "payload"}:
            found = found["payload"]
        elif len(found) == 1:
            (found,) = found.values()
        else:
            return None
    if type(found) is int:
        return str(found)
    return found if isinstance(found, str) else None


def key_cure(key: bytes, visitor_id: str) -> str:
    """How a key holds the visitor's id and which setting reads it; empty where it is another id."""
    for name, stands in _STANDS.items():
        if WireFormat(name).bare_key(key) == visitor_id.encode():  # type: ignore[arg-type]
            return f"key is {stands}, expected the bare visitor_id; set PATHCAST_KEY_FORMAT={name}"
    return ""


def framed(value: bytes) -> Rejected | None:
    """The refusal of a value behind a prefix, with the setting that reads it; None for any other value."""
    if value[:1] != b"\0" or len(value) <= PREFIX_BYTES:
        return None
    schema = int.from_bytes(value[1:PREFIX_BYTES])
    cure = "expected bare JSON; set PATHCAST_VALUE_FORMAT=framed"
    if value[PREFIX_BYTES:].lstrip()[:1] != b"{":
        cure = "and no JSON follows (Avro or Protobuf?); send JSON, or convert it (JsonConverter)"
    found = f"the value begins with a schema registry's prefix of 5 bytes (schema {schema})"
    return Rejected(Reason.MALFORMED, f"{found}, {cure}")
