"""A chunk: all records of one fetch of one partition, with the span of positions it covers."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol


class FetchedRecord(Protocol):
    """The fields of a Kafka record that the worker reads (aiokafka's DefaultRecord has them)."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Epoch(NamedTuple):
    """When a fetch began: `group` counts revocations, `seeks` counts rewinds of that partition.

    A chunk of an older epoch was fetched before a revocation or a seek, and is dropped.
    """

    group: int
    seeks: int


class Chunk(NamedTuple):
    """Records of `[start, end)`: control records and compacted holes are inside the span.

    Shaped like a consumer record, so that Faust carries it as one message whose offset is the span's last
    position. `lost`: the topic's retention deleted this many offsets at the start of the span.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    start: int
    end: int
    records: Sequence[Any]
    epoch: Epoch
    fetched_at: float
    key: bytes = b""
    headers: tuple[()] = ()
    lost: int = 0

    @property
    def value(self) -> "Chunk":
        """Faust passes the value of a message to the agent: the chunk itself."""
        return self


def make(
    tp: Any, span: tuple[int, int], records: Sequence[Any], epoch: Epoch, now: float, lost: int = 0
) -> Chunk:
    """A chunk of `tp` covering `span`; empty where the span has only control records."""
    timestamp = records[-1].timestamp if records else None
    start, end = span
    return Chunk(tp.topic, tp.partition, end - 1, timestamp, start, end, records, epoch, now, lost=lost)
