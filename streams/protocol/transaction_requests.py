"""The requests of a transactional producer, but for its positions (`group_requests.py`)."""

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import NamedTuple

from streams.protocol.wire_format import (
    INT16,
    INT32,
    NO_TAGS,
    KafkaRequest,
    KafkaResponse,
    Place,
    by_topic,
    compact_string,
    read_partitions,
    string,
    unpack,
)

PRODUCE, INIT_PRODUCER, ADD_PARTITIONS, ADD_GROUP, END = 0, 22, 24, 25, 26
#: Index and error; index, error, offset, time, start of the log.
_ADDED, _PRODUCED = struct.Struct(">ih"), struct.Struct(">ihqqq")
_INITIALISED = struct.Struct(">hqh")
_ALL_REPLICAS = -1
NOT_ATTEMPTED = 55
#: In the place of a producer id and of an epoch.
NOBODY = -1


class Producer(NamedTuple):
    """A producer as the broker knows it."""

    transactional_id: str
    producer_id: int
    epoch: int

    @property
    def encoded(self) -> bytes:
        """How requests name the producer."""
        return string(self.transactional_id) + struct.pack(">qh", self.producer_id, self.epoch)


def init_producer(
    transactional_id: str, timeout_ms: int, expected: tuple[int, int] | None = None
) -> KafkaRequest:
    """Get a producer id and a new epoch (InitProducerId, version 3). Value: producer id, epoch.

    With an `expected` producer id and epoch, only while these are current.
    """
    producer_id, epoch = expected or (NOBODY, NOBODY)
    body = compact_string(transactional_id) + struct.pack(">iqh", timeout_ms, producer_id, epoch) + NO_TAGS
    return KafkaRequest(INIT_PRODUCER, 3, body, _initialised, flexible=True)


def _initialised(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time
    code, producer_id, epoch = unpack(response, _INITIALISED)
    return KafkaResponse(code, (producer_id, epoch))


def add_partitions(producer: Producer, places: Iterable[Place]) -> KafkaRequest:
    """Add partitions to the transaction (AddPartitionsToTxn, version 0)."""
    topics = by_topic(places)
    body = [producer.encoded, INT32.pack(len(topics))]
    for topic, partitions in topics.items():
        body += string(topic), struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
    return KafkaRequest(ADD_PARTITIONS, 0, b"".join(body), _added)


def _added(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time
    codes = {code for _, (code,) in read_partitions(response, _ADDED)}
    # One that is refused keeps all others from being tried.
    return KafkaResponse(max(codes - {NOT_ATTEMPTED}, default=0), None)


def add_group(producer: Producer, group_id: str) -> KafkaRequest:
    """Add a group's positions to the transaction (AddOffsetsToTxn, version 0)."""
    return KafkaRequest(ADD_GROUP, 0, producer.encoded + string(group_id), _done)


def end_transaction(producer: Producer, committed: bool) -> KafkaRequest:
    """Commit or abort the transaction (EndTxn, version 0)."""
    return KafkaRequest(END, 0, producer.encoded + bytes([committed]), _done)


def _done(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time
    return KafkaResponse(unpack(response, INT16)[0], None)


def produce(producer: Producer, batches: Mapping[Place, bytearray], timeout_ms: int) -> KafkaRequest:
    """Append a record batch to each partition (Produce, version 7). Value: error code and offset by place."""
    topics = defaultdict(list)
    for (topic, partition), batch in batches.items():
        topics[topic].append((partition, batch))
    body: list[bytes | bytearray] = [
        string(producer.transactional_id),
        struct.pack(">hii", _ALL_REPLICAS, timeout_ms, len(topics)),
    ]
    for topic, written in topics.items():
        body += string(topic), INT32.pack(len(written))
        for partition, batch in written:
            body += struct.pack(">ii", partition, len(batch)), batch
    return KafkaRequest(PRODUCE, 7, b"".join(body), _produced)


def _produced(response: BytesIO) -> KafkaResponse:
    found = read_partitions(response, _PRODUCED)
    return KafkaResponse(0, {place: (fields[0], fields[1]) for place, fields in found})
