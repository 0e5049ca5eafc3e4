"""Where a partition would go on: whether its checkpoint fits the topics, and what rebasing makes of it."""

import pytest

from deploy.cluster.state import PartitionPosition, TopicLog
from streams.transport.state_checkpoint import StateCheckpoint

SIDES = (TopicLog("identities", "i1", 3, 20), TopicLog("profiles", "p1", 0, 9))


def standing(positions, sides=SIDES):
    return PartitionPosition(1, StateCheckpoint(positions, 77, 88), "c1", 2, 50, sides)


@pytest.mark.parametrize(
    ("positions", "fits"),
    [
        ({"c1": 50, "i1": 20, "p1": 0}, True),
        ({"c1": 10}, True),  # from before there were other inputs
        ({"c1": 51, "i1": 20, "p1": 0}, False),
        ({"c1": 50, "i1": 21, "p1": 0}, False),
        ({"c1": 50, "i0": 4, "p1": 0}, False),
        ({"c0": 50, "i1": 4, "p1": 0}, False),
    ],
)
def test_a_checkpoint_fits_or_not(positions, fits):
    assert standing(positions).fits is fits


def test_nothing_applied_fits():
    assert PartitionPosition(1, None, "c1", 2, 50, SIDES).fits


@pytest.mark.parametrize(
    ("positions", "to_end", "rebased"),
    [
        ({"c0": 9, "i1": 7, "p1": 4}, False, {"c1": 2, "i1": 7, "p1": 4}),
        ({"c1": 9, "i0": 7, "p1": 4}, True, {"c1": 50, "i1": 3, "p1": 4}),
        ({"c1": 9, "i1": 7, "p1": 10}, True, {"c1": 50, "i1": 7, "p1": 0}),
        ({"c1": 9}, False, {"c1": 2, "i1": 3, "p1": 0}),
    ],
)
def test_other_inputs_go_on_where_they_were_or_begin_anew(positions, to_end, rebased):
    found = standing(positions).rebased(to_end)
    assert (found.positions, found.watermark, found.clock) == (rebased, 77, 88)
    assert standing(found.positions).fits


def test_topics_are_named_by_id():
    assert standing({}).names("clicks") == {"c1": "clicks", "i1": "identities", "p1": "profiles"}
