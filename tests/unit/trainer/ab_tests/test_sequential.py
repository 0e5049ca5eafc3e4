"""Intervals that may be looked at after every visitor: how often they are ever wrong, by simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.ab_tests.sequential import LEAST, always_valid, bounded_means, running, summarise

RUNS, STEPS, ALPHA = 1000, 1500, 0.05
#: Two standard errors above the level, for RUNS simulated experiments.
ALLOWED = ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / RUNS)


def outcomes(kind: str, random: np.random.Generator) -> NDArray[np.float64]:
    size = (STEPS, RUNS)
    if kind == "normal":
        return random.normal(3.0, 2.0, size)
    bought = random.random(size) < {"rare": 0.05, "common": 0.3, "money": 0.2}[kind]
    return np.where(bought, random.lognormal(3, 1, size), 0.0) if kind == "money" else bought.astype(float)


@pytest.mark.parametrize("kind", ["normal", "rare", "common", "money"])
def test_without_a_difference_hardly_any_experiment_ever_sees_one(kind: str) -> None:
    random = np.random.default_rng(1)
    seen, member = outcomes(kind, random), random.random((STEPS, RUNS)) < 0.5
    found = always_valid(running(seen, member), running(seen, ~member), STEPS)
    wrong = ((found.low > 0) | (found.high < 0)).any(axis=0)
    assert wrong.mean() <= ALLOWED
    assert (found.p_value[-1] <= ALPHA).mean() == wrong.mean()


def test_a_true_difference_is_covered_at_all_times_and_found() -> None:
    random = np.random.default_rng(2)
    member = random.random((STEPS, RUNS)) < 0.3
    seen = (random.random((STEPS, RUNS)) < np.where(member, 0.35, 0.2)).astype(float)
    found = always_valid(running(seen, member), running(seen, ~member), STEPS)
    assert ((found.low > 0.15) | (found.high < 0.15)).any(axis=0).mean() <= ALLOWED
    assert (found.low[-1] > 0).mean() > 0.9


def test_an_ordinary_interval_would_be_wrong_far_more_often() -> None:
    """Why the wider interval is needed: peeking with 1.96 standard errors."""
    random = np.random.default_rng(3)
    seen, member = outcomes("normal", random), random.random((STEPS, RUNS)) < 0.5
    one, other = running(seen, member), running(seen, ~member)
    error = np.sqrt(one.variance / np.maximum(one.number, 1) + other.variance / np.maximum(other.number, 1))
    beyond = np.abs(one.mean - other.mean)[LEAST:] > 1.96 * error[LEAST:]
    assert beyond.any(axis=0).mean() > 0.2


def test_the_interval_is_narrowest_for_the_planned_number() -> None:
    member = np.arange(STEPS) % 2 == 0
    seen = np.random.default_rng(4).normal(size=STEPS)
    one, other = running(seen, member), running(seen, ~member)

    def width(planned: int, at: int) -> float:
        found = always_valid(one, other, planned)
        return float((found.high - found.low)[at])

    assert width(1000, 999) < min(width(300, 999), width(5000, 999))


def test_the_last_step_is_that_of_all_outcomes() -> None:
    random = np.random.default_rng(5)
    seen, member = random.exponential(2.0, 800), random.random(800) < 0.5
    stepwise = always_valid(running(seen, member), running(seen, ~member), 800)
    whole = always_valid(summarise(seen[member]), summarise(seen[~member]), 800)
    for name in ("estimate", "low", "high"):
        assert float(getattr(whole, name)) == pytest.approx(getattr(stepwise, name)[-1])


def test_before_there_are_enough_visitors_nothing_is_said() -> None:
    few = always_valid(summarise(np.ones(LEAST - 1)), summarise(np.arange(500.0)), 500)
    same = always_valid(summarise(np.zeros(500)), summarise(np.zeros(500)), 500)
    none = always_valid(summarise(np.zeros(0)), summarise(np.zeros(0)), 500)
    for found in (few, same, none):
        assert (float(found.low), float(found.high), float(found.p_value)) == (-np.inf, np.inf, 1.0)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_an_impossible_level_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="expected between 0 and 1"):
        always_valid(summarise(np.ones(5)), summarise(np.ones(5)), 10, alpha)


@pytest.mark.parametrize("chance", [0.02, 0.5])
def test_bounded_means_hold_at_all_times_from_the_first_visitor_on(chance: float) -> None:
    random, wrong = np.random.default_rng(6), 0
    for _ in range(400):
        low, high = bounded_means((random.random(600) < chance).astype(float))
        wrong += bool(((low > chance) | (high < chance)).any())
    assert wrong / 400 <= ALPHA
    assert (high[-1] - low[-1]) < 0.2


def test_outcomes_beyond_the_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        bounded_means(np.array([0.0, 2.0]))
