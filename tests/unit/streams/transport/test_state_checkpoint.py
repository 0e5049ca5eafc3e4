"""The checkpoint: what it says after a chunk, and what it refuses."""

import msgspec
import pytest

from streams.errors import PositionError
from streams.transport import state_checkpoint as checkpoints
from streams.transport.state_checkpoint import StateCheckpoint


def test_a_checkpoint_survives_its_encoding():
    checkpoint = StateCheckpoint({"id-a": 7, "id-b": 9}, watermark=123, clock=456)
    assert checkpoints.decode(checkpoints.encode(checkpoint)) == checkpoint


def test_a_new_partition_has_an_empty_checkpoint():
    assert checkpoints.decode(None) == StateCheckpoint({}, 0, 0)


def test_moving_keeps_the_positions_of_other_topics():
    moved = StateCheckpoint({"old": 3, "clicks": 5}, 10, 11).moved({"clicks": 9, "profiles": 2}, 20, 21)
    assert moved == StateCheckpoint({"old": 3, "clicks": 9, "profiles": 2}, 20, 21)


def test_moving_leaves_the_original_alone():
    checkpoint = StateCheckpoint({"clicks": 5})
    checkpoint.moved({"clicks": 9}, 0, 0)
    assert checkpoint.positions == {"clicks": 5}


@pytest.mark.parametrize("value", [b"", b"\xc1", b"no checkpoint", msgspec.msgpack.encode([["x"], 1, 2, 1])])
def test_damaged_bytes_are_refused_in_words(value):
    with pytest.raises(PositionError, match="pathcast state rebase"):
        checkpoints.decode(value)


def test_another_format_is_refused():
    with pytest.raises(PositionError, match="format 3, this program reads 1 and 2"):
        checkpoints.decode(checkpoints.encode(StateCheckpoint(format=3)))


def test_the_format_of_older_workers_is_read_and_not_written():
    old = checkpoints.decode(checkpoints.encode(StateCheckpoint({"id": 7}, 5, 6, format=1)))
    assert old.positions == {"id": 7}
    assert old.moved({"id": 8}, 5, 6).format == 2


def topics(end, topic_id="id", sides=()):
    """Input topics with 4 partitions that end alike."""
    ends = dict.fromkeys(range(4), end)
    return {"clicks": (topic_id, ends), **{f"side-{one}": (one, ends) for one in sides}}


def test_a_checkpoint_within_its_topic_is_accepted():
    checkpoints.check(StateCheckpoint(), 0, topics(0))
    checkpoints.check(StateCheckpoint({"id": 5}), 0, topics(5))
    checkpoints.check(StateCheckpoint({"id": 5, "older": 99}), 0, topics(6))


def test_state_from_before_there_were_other_inputs_is_accepted():
    checkpoints.check(StateCheckpoint({"id": 5}), 0, topics(6, sides=("a", "b")))
    checkpoints.check(StateCheckpoint({"id": 5, "a": 6}), 0, topics(6, sides=("a", "b")))


def test_a_recreated_topic_is_refused():
    with pytest.raises(PositionError) as refused:
        checkpoints.check(StateCheckpoint({"old-id": 5}), 3, topics(100, "new-id"))
    for word in ("clicks[3]", "new-id", "old-id", "pathcast state rebase"):
        assert word in str(refused.value)


def test_another_input_that_was_recreated_is_refused_by_its_name():
    with pytest.raises(PositionError) as refused:
        checkpoints.check(StateCheckpoint({"id": 5, "a": 1, "old-b": 0}), 3, topics(100, sides=("a", "b")))
    for word in ("side-b[3]", "topic id b", "old-b", "pathcast state rebase"):
        assert word in str(refused.value)


def test_recreated_clicks_are_not_mistaken_for_a_topic_that_is_new():
    with pytest.raises(PositionError, match="clicks"):
        checkpoints.check(StateCheckpoint({"old-id": 5, "a": 3}), 3, topics(100, "new-id", sides=("a",)))


@pytest.mark.parametrize(("positions", "name"), [({"id": 6}, "clicks"), ({"id": 5, "a": 6}, "side-a")])
def test_a_checkpoint_beyond_the_log_is_refused(positions, name):
    with pytest.raises(PositionError) as refused:
        checkpoints.check(StateCheckpoint(positions), 3, topics(5, sides=("a",)))
    for word in (f"{name}[3]", "ends at 5", "up to 6", "pathcast state rebase"):
        assert word in str(refused.value)
