"""The requests that tie a transaction to its group: guarded commits of positions, and stable positions."""

import struct
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import NamedTuple

from streams.protocol.transaction_requests import Producer
from streams.protocol.wire_format import (
    INT16,
    INT32,
    NO_TAGS,
    KafkaRequest,
    KafkaResponse,
    compact_count,
    compact_string,
    compact_topics,
    read_array,
    read_string,
    string,
    unpack,
)

OFFSET_FETCH, HEARTBEAT, DESCRIBE_GROUPS, TXN_OFFSET_COMMIT = 9, 12, 15, 28
#: Partition, offset, leader epoch; partition, error.
_POSITION, _COMMITTED = struct.Struct(">iqi"), struct.Struct(">ih")
_ANY_EPOCH, _NO_METADATA = -1, b"\x01"


class Membership(NamedTuple):
    """A worker's place in its group, as of one assignment."""

    group_id: str
    member_id: str
    generation: int

    @classmethod
    def nobody(cls, group_id: str) -> "Membership":
        """For commits to a group without members."""
        return cls(group_id, "", -1)


def commit_positions(
    producer: Producer, membership: Membership, topic: str, positions: Mapping[int, int]
) -> KafkaRequest:
    """Commit positions within the transaction, if the membership is current (TxnOffsetCommit, version 3)."""
    group_id, member_id, generation = membership
    body = [
        compact_string(producer.transactional_id),
        compact_string(group_id),
        struct.pack(">qhi", producer.producer_id, producer.epoch, generation),
        compact_string(member_id),
        compact_string(None),  # no static membership
        compact_count(1),
        compact_string(topic),
        compact_count(len(positions)),
    ]
    for partition, offset in positions.items():
        body += _POSITION.pack(partition, offset, _ANY_EPOCH), _NO_METADATA, NO_TAGS
    return KafkaRequest(TXN_OFFSET_COMMIT, 3, b"".join([*body, NO_TAGS, NO_TAGS]), _committed, flexible=True)


def _committed(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time

    def topic(response: BytesIO) -> list[int]:
        read_string(response)
        return read_array(response, lambda response: int(unpack(response, _COMMITTED)[1]))

    codes = [code for found in read_array(response, topic) for code in found]
    return KafkaResponse(next(filter(None, codes), 0), None)


def stable_positions(group_id: str, topic: str, partitions: Iterable[int]) -> KafkaRequest:
    """Ask for positions of which no commit may be pending (OffsetFetch, version 7).

    Value: position by partition, -1 where there is none. A pending commit is UnstableOffsetCommitError.
    """
    topics = compact_topics((topic, partition) for partition in partitions)
    body = compact_string(group_id) + topics + b"\x01" + NO_TAGS  # 1: no pending commit
    return KafkaRequest(OFFSET_FETCH, 7, body, _positions, flexible=True)


def _positions(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time
    found: dict[int, int] = {}
    codes: list[int] = []

    def position(response: BytesIO) -> None:
        partition, offset, _ = unpack(response, _POSITION)
        read_string(response)
        codes.extend(unpack(response, INT16))
        found[partition] = offset

    def topic(response: BytesIO) -> None:
        read_string(response)
        read_array(response, position)

    read_array(response, topic)
    codes.extend(unpack(response, INT16))
    return KafkaResponse(next(filter(None, codes), 0), found)


def heartbeat(membership: Membership) -> KafkaRequest:
    """Stay a member of the group, and learn whether the membership is current (Heartbeat, version 1)."""
    group_id, member_id, generation = membership
    body = string(group_id) + struct.pack(">i", generation) + string(member_id)
    return KafkaRequest(HEARTBEAT, 1, body, _alive)


def _alive(response: BytesIO) -> KafkaResponse:
    response.read(4)  # throttle time
    return KafkaResponse(unpack(response, INT16)[0], None)


def describe_group(group_id: str) -> KafkaRequest:
    """Ask for the members of a group (DescribeGroups, version 0). Value: their client ids."""
    return KafkaRequest(DESCRIBE_GROUPS, 0, struct.pack(">i", 1) + string(group_id), _members)


def _members(response: BytesIO) -> KafkaResponse:
    response.read(4)  # one group
    (code,) = unpack(response, INT16)
    for _ in ("group", "state", "kind of protocol", "protocol"):
        _text(response)
    clients = set()
    for _ in range(unpack(response, INT32)[0]):
        _, client, _ = _text(response), _text(response), _text(response)
        clients.add(client)
        for _ in ("metadata", "assignment"):
            response.read(max(0, unpack(response, INT32)[0]))
    return KafkaResponse(code, clients)


def _text(response: BytesIO) -> str:
    return response.read(max(0, unpack(response, INT16)[0])).decode()
