"""Requests as kafka-python decodes and encodes them: it has the message definitions of Kafka."""

import gc
import struct
import weakref
from io import BytesIO

import pytest
from kafka.errors import UnsupportedVersionError
from kafka.protocol.admin import groups as kafka_groups
from kafka.protocol.admin import transactions as kafka_inspection
from kafka.protocol.consumer import group as kafka_group
from kafka.protocol.consumer import offsets as kafka_offsets
from kafka.protocol.producer import produce as kafka_produce
from kafka.protocol.producer import transaction as kafka_transaction

from streams.protocol import group_requests as group
from streams.protocol import inspection_requests as inspection
from streams.protocol import transaction_requests as transaction
from streams.protocol.group_requests import Membership
from streams.protocol.inspection_requests import OpenTransaction
from streams.protocol.transaction_requests import Producer

PRODUCER = Producer("shop-4f", 7, 3)
MEMBER = Membership("shop", "worker-1", 12)
PLACES = [("answers", 0), ("answers", 3), ("größe", 1)]
OPEN = OpenTransaction(("answers", 3), 7, 3, coordinator_epoch=2, start=90)

REQUESTS = [
    (transaction.init_producer("shop-4f", 9_000), kafka_transaction.InitProducerIdRequest),
    (transaction.init_producer("shop-4f", 9_000, (7, 3)), kafka_transaction.InitProducerIdRequest),
    (transaction.add_partitions(PRODUCER, PLACES), kafka_transaction.AddPartitionsToTxnRequest),
    (transaction.add_group(PRODUCER, "shop"), kafka_transaction.AddOffsetsToTxnRequest),
    (transaction.end_transaction(PRODUCER, True), kafka_transaction.EndTxnRequest),
    (
        transaction.produce(PRODUCER, dict.fromkeys(PLACES, bytearray(b"batch")), 9_000),
        kafka_produce.ProduceRequest,
    ),
    (
        group.commit_positions(PRODUCER, MEMBER, "clicks", {0: 5, 300: 2**40}),
        kafka_transaction.TxnOffsetCommitRequest,
    ),
    (group.stable_positions("shop", "clicks", [0, 3]), kafka_group.OffsetFetchRequest),
    (group.heartbeat(MEMBER), kafka_group.HeartbeatRequest),
    (group.describe_group("shop"), kafka_groups.DescribeGroupsRequest),
    (inspection.end_offsets(PLACES, committed=True), kafka_offsets.ListOffsetsRequest),
    (inspection.describe_producers(PLACES), kafka_inspection.DescribeProducersRequest),
    (inspection.list_transactions(["Ongoing"], [7, 8]), kafka_inspection.ListTransactionsRequest),
    (inspection.describe_transaction("shop-4f"), kafka_inspection.DescribeTransactionsRequest),
    (inspection.write_marker(OPEN, True), kafka_transaction.WriteTxnMarkersRequest),
]


@pytest.mark.parametrize(("ours", "theirs"), REQUESTS, ids=lambda one: getattr(one, "__name__", ""))
def test_requests_are_those_of_the_definitions(ours, theirs):
    assert theirs.API_KEY == ours.API_KEY
    read = theirs.decode(BytesIO(ours.encode()), version=ours.API_VERSION)
    read._header = None  # decoding leaves it out, encoding asks for it
    assert read.encode(version=ours.API_VERSION) == ours.encode()


def test_a_broker_that_is_too_old_is_told():
    with pytest.raises(UnsupportedVersionError, match="use a newer Kafka"):
        group.commit_positions(PRODUCER, MEMBER, "clicks", {0: 5}).prepare({28: (0, 2)})


def test_the_refusal_of_one_partition_is_told_not_that_others_were_not_tried():
    codes = [(0, 55), (1, 3), (2, 55)]
    partitions = b"".join(struct.pack(">ih", *one) for one in codes)
    body = struct.pack(">iih", 0, 1, 5) + b"clock" + struct.pack(">i", len(codes)) + partitions
    assert transaction.add_partitions(PRODUCER, PLACES).decode(BytesIO(body)).code == 3


def test_a_request_is_freed_at_once():
    """Workers rarely collect cycles, and a request has megabytes of answers."""
    request = transaction.produce(PRODUCER, {("answers", 0): bytearray(b"x")}, 1)
    assert request.RESPONSE_TYPE is request
    freed = weakref.ref(request)
    gc.disable()
    try:
        del request
        assert freed() is None
    finally:
        gc.enable()
