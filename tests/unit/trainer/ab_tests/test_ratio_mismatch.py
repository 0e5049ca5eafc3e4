"""The alarm of sample-ratio mismatch: seldom false, although looked at after every visitor, and raised."""

import numpy as np
import pytest

from trainer.ab_tests.ratio_mismatch import ALARM, mismatch


def least(drawn: tuple[float, ...], shares: tuple[float, ...], runs: int, steps: int) -> np.ndarray:
    """The smallest p-value of each run, looked at after every visitor."""
    random, found = np.random.default_rng(7), []
    for _ in range(runs):
        arms = random.choice(len(shares), size=steps, p=drawn)
        counts = np.cumsum(arms[:, None] == np.arange(len(shares)), axis=0)
        found.append(mismatch(counts, shares).min())
    return np.array(found)


def test_right_shares_seldom_raise_it() -> None:
    """At the strict level never in so many runs; at 5% at most that often."""
    found = least((0.5, 0.3, 0.2), (0.5, 0.3, 0.2), 1000, 1000)
    assert (found <= ALARM).sum() <= 4
    assert (found <= 0.05).mean() <= 0.05


def test_a_lost_tenth_of_an_arm_raises_it() -> None:
    assert (least((0.45, 0.55), (0.5, 0.5), 50, 5000) <= ALARM).mean() > 0.9


def test_few_visitors_say_nothing() -> None:
    assert mismatch([0, 0], (0.5, 0.5)) == 1.0
    assert mismatch([3, 1], (0.5, 0.5)) > 0.5


def test_the_value_is_the_bayes_factor() -> None:
    """By hand: a Dirichlet of 50, 50; one visitor has the given shares on average, two in one arm do not."""
    assert mismatch([1, 0], (0.5, 0.5)) == pytest.approx(1.0)
    assert mismatch([2, 0], (0.5, 0.5)) == pytest.approx(0.25 / (0.5 * 51 / 101))


@pytest.mark.parametrize("shares", [(0.5, 0.6), (1.0, 0.0)])
def test_impossible_shares_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="sum of 1"):
        mismatch([1, 1], shares)
