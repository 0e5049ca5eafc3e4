"""Distributions are exact: units of 2^-53 that sum to 1."""

import pytest

from models.decisions.action_distribution import Distribution
from models.decisions.actions_file import ONE


def test_units_become_probabilities_and_running_sums() -> None:
    made = Distribution.of_units(("a", "b", "c"), (ONE // 4, 0, ONE - ONE // 4))
    assert made.probabilities == {"a": 0.25, "b": 0.0, "c": 0.75}
    assert made.cumulative == (ONE // 4, ONE // 4, ONE)
    assert [made.probability(position) for position in range(3)] == [0.25, 0.0, 0.75]
    assert made.text == b'{"a":0.25,"b":0.0,"c":0.75}'


@pytest.mark.parametrize("units", [(ONE, 1), (ONE + 1, -1), (ONE - 1, 0)])
def test_units_that_are_no_distribution_are_refused(units: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sum"):
        Distribution.of_units(("a", "b"), units)
