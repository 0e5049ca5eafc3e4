"""Requests that look at transactions from outside, and end what their coordinator does not (KIP-664)."""

import struct
from collections.abc import Iterable
from io import BytesIO
from typing import NamedTuple

from streams.protocol.wire_format import (
    INT16,
    INT32,
    NO_TAGS,
    KafkaRequest,
    KafkaResponse,
    Place,
    compact_count,
    compact_string,
    compact_topics,
    read_array,
    read_count,
    read_partitions,
    read_string,
    string,
    unpack,
)

LIST_OFFSETS, WRITE_MARKERS = 2, 27
DESCRIBE_PRODUCERS, DESCRIBE_TRANSACTIONS, LIST_TRANSACTIONS = 61, 65, 66
#: Index, error, time, offset.
_OFFSET = struct.Struct(">ihqq")
#: Producer id, epoch, last sequence, last time, coordinator epoch, start of the transaction or -1.
_PRODUCER = struct.Struct(">qiiqiq")
#: Timeout, start, producer id, epoch.
_TRANSACTION = struct.Struct(">iqqh")
_ERROR, _INT64 = struct.Struct(">ih"), struct.Struct(">q")
_LATEST = -1


class OpenTransaction(NamedTuple):
    """A transaction that has begun in a partition and has no end marker there."""

    place: Place
    producer_id: int
    epoch: int
    #: A marker must carry at least the coordinator epoch that the partition has seen.
    coordinator_epoch: int
    #: The offset of its first record there.
    start: int


class Described(NamedTuple):
    """The coordinator's view of a transactional id; `places` is empty once its transaction is completed."""

    state: str
    producer_id: int
    epoch: int
    places: frozenset[Place]


def end_offsets(places: Iterable[Place], committed: bool) -> KafkaRequest:
    """Ask a leader for the ends of partitions (ListOffsets, version 2). Value: error code, offset by place.

    The end is the high watermark, or with `committed` the last stable offset.
    """
    topics: dict[str, list[bytes]] = {}
    for topic, partition in places:
        topics.setdefault(topic, []).append(struct.pack(">iq", partition, _LATEST))
    body = [struct.pack(">ibi", -1, committed, len(topics))]
    for topic, wanted in topics.items():
        body += string(topic), INT32.pack(len(wanted)), *wanted
    return KafkaRequest(LIST_OFFSETS, 2, b"".join(body), _offsets)


def _offsets(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time
    return KafkaResponse(
        0, {place: (code, offset) for place, (code, _, offset) in read_partitions(response, _OFFSET)}
    )


def describe_producers(places: Iterable[Place]) -> KafkaRequest:
    """Ask a leader who writes to its partitions (DescribeProducers, version 0).

    Value: error code and open transactions by place.
    """
    return KafkaRequest(DESCRIBE_PRODUCERS, 0, compact_topics(places) + NO_TAGS, _producers, flexible=True)


def _producers(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time
    found: dict[Place, tuple[int, list[OpenTransaction]]] = {}

    def topic(response: BytesIO) -> None:
        name = read_string(response) or ""
        read_array(response, lambda response: partition(response, name))

    def partition(response: BytesIO, topic: str) -> None:
        number, code = unpack(response, _ERROR)
        read_string(response)
        producers = read_array(response, lambda response: unpack(response, _PRODUCER))
        place = (topic, number)
        opened = [OpenTransaction(place, one[0], one[1], *one[4:]) for one in producers if one[5] >= 0]
        found[place] = (code, opened)

    read_array(response, topic)
    return KafkaResponse(0, found)


def list_transactions(states: Iterable[str], producer_ids: Iterable[int]) -> KafkaRequest:
    """Ask a broker for its transactions (ListTransactions, version 0). Value: transactional ids.

    Only those in one of the `states` and of one of the producers; empty filters let all pass.
    """
    names, ids = list(states), list(producer_ids)
    body = [compact_count(len(names)), *map(compact_string, names), compact_count(len(ids))]
    body += struct.pack(f">{len(ids)}q", *ids), NO_TAGS
    return KafkaRequest(LIST_TRANSACTIONS, 0, b"".join(body), _listed, flexible=True)


def _listed(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time
    (code,) = unpack(response, INT16)
    for _ in range(read_count(response)):
        read_string(response)

    def transaction(response: BytesIO) -> str:
        name = read_string(response) or ""
        unpack(response, _INT64)
        read_string(response)
        return name

    return KafkaResponse(code, read_array(response, transaction))


def describe_transaction(transactional_id: str) -> KafkaRequest:
    """Ask a coordinator for the state of a transactional id (DescribeTransactions, version 0).

    Value: Described.
    """
    body = compact_count(1) + compact_string(transactional_id) + NO_TAGS
    return KafkaRequest(DESCRIBE_TRANSACTIONS, 0, body, _described, flexible=True)


def _described(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time

    def topic(response: BytesIO) -> list[Place]:
        name = read_string(response) or ""
        count = read_count(response)
        return [(name, number) for number in struct.unpack(f">{count}i", response.read(4 * count))]

    def transaction(response: BytesIO) -> KafkaResponse:
        (code,) = unpack(response, INT16)
        read_string(response)
        state = read_string(response) or ""
        _, _, producer_id, epoch = unpack(response, _TRANSACTION)
        places = [place for places in read_array(response, topic) for place in places]
        return KafkaResponse(code, Described(state, producer_id, epoch, frozenset(places)))

    return read_array(response, transaction)[0]


def write_marker(one: OpenTransaction, committed: bool) -> KafkaRequest:
    """Have a leader end a transaction in one partition (WriteTxnMarkers, version 1).

    Value: error code and None by place.
    """
    body = [
        compact_count(1),
        struct.pack(">qh?", one.producer_id, one.epoch, committed),
        compact_topics([one.place]),
        INT32.pack(one.coordinator_epoch),
        NO_TAGS,
        NO_TAGS,
    ]
    return KafkaRequest(WRITE_MARKERS, 1, b"".join(body), _marked, flexible=True)


def _marked(response: BytesIO) -> KafkaResponse:
    found: dict[Place, tuple[int, None]] = {}

    def topic(response: BytesIO) -> None:
        name = read_string(response) or ""
        for number, code in read_array(response, lambda response: unpack(response, _ERROR)):
            found[name, number] = (code, None)

    def marker(response: BytesIO) -> None:
        unpack(response, _INT64)
        read_array(response, topic)

    read_array(response, marker)
    return KafkaResponse(0, found)
