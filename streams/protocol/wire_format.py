"""Requests of Kafka's protocol, encoded by hand: aiokafka lacks some of them and is slow at others.

The layouts are those of Kafka's message definitions (`clients/src/main/resources/common/message`).
"""

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

from aiokafka.protocol.api import RequestHeader_v1, RequestHeader_v2, ResponseHeader_v0, ResponseHeader_v1
from aiokafka.protocol.types import CompactString, TaggedFields, UnsignedVarInt32
from kafka.errors import UnsupportedVersionError

T = TypeVar("T")

#: Topic and partition.
Place = tuple[str, int]

INT16, INT32 = struct.Struct(">h"), struct.Struct(">i")
NO_TAGS = b"\x00"


class KafkaResponse(NamedTuple):
    """A response: its first error code, 0 without one, and what it says."""

    code: int
    value: Any


class KafkaRequest:
    """A request with an encoded body, as aiokafka's client takes it; it returns a `KafkaResponse`."""

    def __init__(
        self,
        key: int,
        version: int,
        body: bytes,
        decode: Callable[[BytesIO], KafkaResponse],
        flexible: bool = False,
    ) -> None:
        self.API_KEY, self.API_VERSION = key, version
        self._body, self.decode, self._flexible = body, decode, flexible

    @property
    def RESPONSE_TYPE(self) -> "KafkaRequest":
        """Who decodes the response. No attribute: a request that refers to itself is freed late."""
        return self

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> "KafkaRequest":
        """The request, if the broker speaks its version. Raises UnsupportedVersionError."""
        least, most = versions.get(self.API_KEY, (0, -1))
        if not least <= self.API_VERSION <= most:
            raise UnsupportedVersionError(
                f"the broker speaks versions {least} to {most} of request {self.API_KEY} but version "
                f"{self.API_VERSION} is needed: use a newer Kafka"
            )
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> Any:
        """The header in the version that fits the body."""
        header = RequestHeader_v2 if self._flexible else RequestHeader_v1
        return header(self, correlation_id=correlation_id, client_id=client_id)

    def encode(self) -> bytes:
        """The body."""
        return self._body

    def parse_response_header(self, buffer: BytesIO) -> Any:
        """The header of the response."""
        return (ResponseHeader_v1 if self._flexible else ResponseHeader_v0).decode(buffer)


def string(text: str) -> bytes:
    """A string with its length before it."""
    encoded = text.encode()
    return INT16.pack(len(encoded)) + encoded


compact_string: Callable[[str | None], bytes] = CompactString().encode


def compact_count(items: int) -> bytes:
    """The length of a compact array."""
    return bytes(UnsignedVarInt32.encode(items + 1))


def read_count(response: BytesIO) -> int:
    """The length of a compact array that follows."""
    return int(UnsignedVarInt32.decode(response)) - 1


def read_string(response: BytesIO) -> str | None:
    """A compact string."""
    text: str | None = CompactString().decode(response)
    return text


def read_array(response: BytesIO, read: Callable[[BytesIO], T]) -> list[T]:
    """A compact array of structures, each followed by its tags, which are skipped."""

    def item() -> T:
        found = read(response)
        TaggedFields.decode(response)
        return found

    return [item() for _ in range(read_count(response))]


def compact_topics(places: Iterable[Place]) -> bytes:
    """A compact array of topics with the numbers of their partitions."""
    topics = by_topic(places)
    encoded = [compact_count(len(topics))]
    for topic, partitions in topics.items():
        numbers = struct.pack(f">{len(partitions)}i", *partitions)
        encoded += compact_string(topic), compact_count(len(partitions)), numbers, NO_TAGS
    return b"".join(encoded)


def unpack(response: BytesIO, layout: struct.Struct) -> tuple[Any, ...]:
    """The fields of a fixed layout that follow."""
    return layout.unpack(response.read(layout.size))


def by_topic(places: Iterable[Place]) -> dict[str, list[int]]:
    """The partitions of each topic."""
    found = defaultdict(list)
    for topic, partition in places:
        found[topic].append(partition)
    return found


def read_partitions(response: BytesIO, layout: struct.Struct) -> Iterator[tuple[Place, tuple[int, ...]]]:
    """An array of topics with partitions that have fields of this layout, the number first: place, fields."""
    data, at = response.getbuffer(), response.tell() + 4
    (topics,) = INT32.unpack_from(data, at - 4)
    for _ in range(topics):
        (length,) = INT16.unpack_from(data, at)
        topic = str(data[at + 2 : at + 2 + length], "utf-8")
        (count,) = INT32.unpack_from(data, at + 2 + length)
        at += 6 + length
        for fields in layout.iter_unpack(data[at : at + count * layout.size]):
            yield (topic, fields[0]), fields[1:]
        at += count * layout.size
