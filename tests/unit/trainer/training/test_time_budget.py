"""A training that its time budget ended says so, with the budget for what is missing."""

from dataclasses import replace

import pytest

from trainer.loop.options import Options
from trainer.training.time_budget import ended_by_time

GIVEN = Options(epochs=10, seconds=150.0)


def test_epochs_done_time_of_each_and_the_budget_for_all():
    (said,) = ended_by_time(5, 150.5, GIVEN)
    assert "2.5 minutes ended the training in epoch 5 of 10, 30.1 s each" in said
    assert "5.0 minutes, and 5.9 to learn once more" in said
    assert "--time-budget 11" in said


def test_without_a_refit_only_the_epochs_count():
    (said,) = ended_by_time(3, 150.0, replace(GIVEN, refit=False))
    assert "--time-budget 9" in said
    assert "once more" not in said


@pytest.mark.parametrize(("epochs", "seconds"), [(10, 200.0), (4, 90.0), (0, 200.0)])
def test_a_training_that_ended_by_itself_says_nothing(epochs, seconds):
    assert ended_by_time(epochs, seconds, GIVEN) == []
