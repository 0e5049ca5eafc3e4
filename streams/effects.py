"""The interface between the transport, which knows nothing of clicks, and a processor of chunks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

#: A message to publish: key, value, headers.
Message = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]

#: The headers of a message without any (shared: aiokafka wants a list, and does not change it).
NO_HEADERS: list[tuple[str, bytes]] = []


class Reader(Protocol):
    """The state of one partition as of the chunk before."""

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values of `keys` in order, None where there is none."""

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterable[tuple[bytes, bytes]]:
        """Pairs under `prefix` in key order."""


#: Messages to publish to given partitions, whatever the partition of the input: by topic and partition.
Routed = Mapping[tuple[str, int], list[Message]]


@dataclass(slots=True)
class Work:
    """Records of one partition to apply, in order, to the state as of the chunk before.

    `records` are clicks; `sides` are records of the other input topics by topic name, to be applied before
    them. `watermark` is the event time (ms) reached so far; `idle_to`, on a tick without records, the event
    time (ms) that has passed in the meantime.
    """

    partition: int
    records: Sequence[Any]
    state: Reader
    watermark: int
    fetched_at: float
    idle_to: int = 0
    sides: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many records there are."""
        return len(self.records) + sum(map(len, self.sides.values()))


def nothing() -> None:
    """Do nothing."""


@dataclass(slots=True)
class Effects:
    """The effects of a chunk: outputs by topic, changed state, and the watermark (event time, ms) reached.

    Outputs go to the partition of the input, `routed` ones to any partition. A state value of None deletes.
    `applied` is called as soon as the next chunk sees the changed state, before the commit: whatever the next
    chunk is processed with. `committed` is called after the transaction is committed and written to the local
    store, perhaps while the next chunk is processed on another thread. With `erased`, deleted values must
    also leave the files of the store.
    """

    outputs: dict[str, list[Message]] = field(default_factory=dict)
    state: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    watermark: int = 0
    applied: Callable[[], None] = nothing
    committed: Callable[[], None] = nothing
    erased: bool = False
    routed: Routed = field(default_factory=dict)


class Processor(Protocol):
    """Turns records into effects. Called on any thread, one call at a time."""

    def process(self, works: Sequence[Work]) -> list[Effects]:
        """Effects of chunks of different partitions, in order.

        It must change nothing outside, because a transaction may fail.
        """

    def reject(self, work: Work, error: Exception) -> Effects:
        """Effects of a single record on which `process` failed: a dead letter."""

    def opened(self, partition: int, state: Reader) -> None:
        """The partition is assigned and its state is recovered."""

    def closed(self, partition: int) -> None:
        """The partition is revoked."""
