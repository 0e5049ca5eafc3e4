"""Fetched records reach the worker as the decoder made them, and positions move as aiokafka moves them."""

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.inputs.fetching import DecodedFetches

CLICKS = TopicPartition("clicks", 0)
READ_COMMITTED = 1


class Assignment:
    """A partition that is fetched, and how far it is consumed."""

    active, paused, has_valid_position = True, False, True

    def __init__(self, position):
        self.position = position

    def state_value(self, tp):
        return self

    def consumed_to(self, position):
        self.position = position


def fetched(assignment, base, rows, skipped=0):
    """A fetch of one batch, of which the first `skipped` records were asked for already."""
    builder = DefaultRecordBatchBuilder(2, 3, 0, -1, -1, -1, 1 << 20)
    for offset, (key, value, headers) in enumerate(rows):
        builder.append(offset, 1_700_000_000_000 + offset, key, value, headers)
    data = bytearray(builder.build())
    data[:8] = base.to_bytes(8, "big")
    given = MemoryRecords(bytes(data)), [], base + skipped, None, None, True, READ_COMMITTED
    return FetchResult(
        CLICKS, assignment=assignment, partition_records=PartitionRecords(CLICKS, *given), backoff=0
    )


def test_records_are_those_of_the_decoder():
    fetches, assignment = DecodedFetches(), Assignment(40)
    rows = [(b"a", b"1", []), (None, b"2", [("erase", b"x")]), (b"c", None, [("n", None)])]
    fetches[CLICKS] = fetched(assignment, 40, rows)
    records = fetches[CLICKS].getall()
    assert all(type(record) is DefaultRecord for record in records)
    assert [(one.key, one.value, list(one.headers)) for one in records] == rows
    assert [(one.offset, one.timestamp - 1_700_000_000_000) for one in records] == [(40, 0), (41, 1), (42, 2)]
    assert assignment.position == 43


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_position_follows_what_was_handed_out(most):
    fetches, assignment = DecodedFetches(), Assignment(8)
    fetches[CLICKS] = fetched(assignment, 7, [(b"k", b"%d" % row, []) for row in range(3)], skipped=1)
    found = []
    while fetches[CLICKS].has_more():
        found += fetches[CLICKS].getall(most)
        assert not found or assignment.position >= found[-1].offset + 1
    assert [record.offset for record in found] == [8, 9]
    assert assignment.position == 10


def test_errors_and_known_fetches_are_kept():
    assignment, error = Assignment(0), FetchError(error=OSError("gone"), backoff=0)
    fetches = DecodedFetches({CLICKS: fetched(assignment, 0, [(b"k", b"v", [])])})
    assert type(fetches[CLICKS].getall()[0]) is DefaultRecord
    fetches[CLICKS] = error
    with pytest.raises(OSError, match="gone"):
        fetches[CLICKS].check_raise()
