"""What is known of a forgotten transaction, from the view of its coordinator before the fencing."""

import pytest

from streams.protocol.fencing import Fenced
from streams.protocol.inspection_requests import Described, OpenTransaction

CHANGELOG, ANSWERS = ("changelog", 1), ("answers", 1)


def opened(epoch=3, producer=7, place=CHANGELOG):
    return OpenTransaction(place, producer, epoch, coordinator_epoch=0, start=10)


def fenced(state, epoch=3, places=(), producer=7):
    return Fenced(7, 5, Described(state, producer, epoch, frozenset(places)))


@pytest.mark.parametrize(
    ("view", "committed"),
    [
        (fenced("CompleteCommit"), True),
        (fenced("PrepareCommit"), True),
        (fenced("CompleteAbort"), False),
        (fenced("PrepareEpochFence"), False),
        (fenced("Ongoing", places=[CHANGELOG]), False),
        # Its producer went on, which it does after a commit only.
        (fenced("Ongoing", places=[ANSWERS]), True),
        # The coordinator aborted it, which raised the epoch.
        (fenced("CompleteAbort", epoch=4), False),
        # Somebody has fenced the producer since.
        (fenced("Empty", epoch=4), None),
        (fenced("CompleteCommit", epoch=4), None),
        (fenced("CompleteCommit", producer=8), None),
        (Fenced(7, 5, None), None),
    ],
)
def test_the_decision_follows_from_the_last_view(view, committed):
    assert view.committed(opened()) is committed


def test_only_lower_epochs_of_the_same_producer_are_covered():
    view = fenced("CompleteCommit")
    assert view.covers(opened(epoch=4))
    assert not view.covers(opened(epoch=5))
    assert not view.covers(opened(producer=8))
