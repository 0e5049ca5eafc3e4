"""The fence: what it says after a chunk, and what it refuses."""

import msgspec
import pytest

from streams import fence as fences
from streams.errors import PositionError
from streams.fence import Fence


def test_a_fence_survives_its_encoding():
    fence = Fence({"id-a": 7, "id-b": 9}, watermark=123, clock=456)
    assert fences.decode(fences.encode(fence)) == fence


def test_a_new_partition_has_an_empty_fence():
    assert fences.decode(None) == Fence({}, 0, 0)


def test_moving_keeps_the_positions_of_other_topics():
    moved = Fence({"old": 3, "clicks": 5}, 10, 11).moved("clicks", 9, 20, 21)
    assert moved == Fence({"old": 3, "clicks": 9}, 20, 21)


def test_moving_leaves_the_original_alone():
    fence = Fence({"clicks": 5})
    fence.moved("clicks", 9, 0, 0)
    assert fence.positions == {"clicks": 5}


@pytest.mark.parametrize("value", [b"", b"\xc1", b"no fence", msgspec.msgpack.encode([["x"], 1, 2, 1])])
def test_damaged_bytes_are_refused_in_words(value):
    with pytest.raises(PositionError, match="pathcast state rebase"):
        fences.decode(value)


def test_another_format_is_refused():
    with pytest.raises(PositionError, match="format 2, this program reads 1"):
        fences.decode(fences.encode(Fence(format=2)))


def test_a_fence_within_its_topic_is_accepted():
    fences.check(Fence(), "clicks", 0, "id", 0)
    fences.check(Fence({"id": 5}), "clicks", 0, "id", 5)
    fences.check(Fence({"id": 5, "older": 99}), "clicks", 0, "id", 6)


def test_a_recreated_topic_is_refused():
    with pytest.raises(PositionError) as refused:
        fences.check(Fence({"old-id": 5}), "clicks", 3, "new-id", 100)
    for word in ("clicks[3]", "new-id", "old-id", "pathcast state rebase"):
        assert word in str(refused.value)


def test_a_fence_beyond_the_log_is_refused():
    with pytest.raises(PositionError) as refused:
        fences.check(Fence({"id": 6}), "clicks", 3, "id", 5)
    for word in ("clicks[3]", "ends at 5", "up to 6", "pathcast state rebase"):
        assert word in str(refused.value)
