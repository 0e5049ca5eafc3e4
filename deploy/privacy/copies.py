"""Where workers say that state lies as files, and which of these places have not confirmed an erasure."""

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from deploy.kafka import consumer, drain, producer
from models import erasure
from models.erasure import StateCopy
from models.errors import PathcastError
from streams.connection import Connection

#: Seconds between two looks.
EVERY = 0.5


class UnknownWorker(PathcastError):
    """No copy of the state is known of a worker."""


class Confirmed(NamedTuple):
    """All copies of the partitions in question, and those of them that may still hold the visitor."""

    every: list[StateCopy]
    missing: list[StateCopy]


def copies(to: Connection, topic: str) -> list[StateCopy]:
    """The last word on each copy, by place and partition. Raises KafkaUnreachable."""
    last: dict[bytes, StateCopy | None] = {}
    with consumer(to) as client:
        for record in drain(client, topic):
            last[record.key] = erasure.decode_copy(record.value) if record.value else None
    return sorted(filter(None, last.values()), key=lambda copy: (copy.place, copy.worker, copy.partition))


def confirmed(
    to: Connection, topic: str, receipts: str, since: Mapping[int, int], seconds: float
) -> Confirmed:
    """Wait until no copy may hold who was erased, or until `seconds` are over.

    `since` are the offsets of the erasure's receipts by partition, on the topic `receipts`. A copy is clean
    when it is rewritten up to that receipt or a later one. Raises KafkaUnreachable.
    """
    deadline = time.monotonic() + seconds
    while True:
        every = [copy for copy in copies(to, topic) if copy.partition in since]
        at = dict(_later(to, receipts, since))
        missing = [copy for copy in every if copy.rewritten not in at[copy.partition]]
        if not missing or time.monotonic() > deadline:
            return Confirmed(every, missing)
        time.sleep(EVERY)


def _later(to: Connection, topic: str, since: Mapping[int, int]) -> Iterator[tuple[int, set[int]]]:
    """The `at` of the receipts from these offsets on."""
    with consumer(to) as client:
        for number, offset in since.items():
            found = drain(client, topic, number, offset)
            yield number, {erasure.decode(record.value).at for record in found}


def lost(to: Connection, topic: str, worker: str) -> list[StateCopy]:
    """Take back what a worker has said whose datadir is no more; what that was. Raises UnknownWorker."""
    theirs = [copy for copy in copies(to, topic) if copy.worker == worker]
    if not theirs:
        raise UnknownWorker(
            f"no files of the state are known of {worker!r}: `pathcast state copies` lists the workers"
        )
    with producer(to) as client:
        for sent in [client.send(topic, None, copy.key.encode()) for copy in theirs]:
            sent.get(30)
    return theirs
