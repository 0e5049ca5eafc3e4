"""The computed propensity of Thompson sampling against brute force."""

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm

from models.policies.selection_kernels import BELOW, DENSITY, LIMIT, STEPS, selection

#: The documented accuracy of a probability (docs/policies/policies.md).
ACCURACY = 2e-4


def computed(means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    out = np.zeros((1, len(means)))
    allowed = np.ones((1, len(means)), dtype=np.bool_)
    selection(np.concatenate([means, deviations])[None], allowed, DENSITY, BELOW, out)
    found: np.ndarray = out[0]
    return found


def exact(means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    def of(action: int) -> float:
        others = np.delete(np.arange(len(means)), action)

        def integrand(point: float) -> float:
            below = norm.cdf((point - means[others]) / deviations[others]).prod()
            return float(norm.pdf(point, means[action], deviations[action]) * below)

        low, high = means[action] - 9 * deviations[action], means[action] + 9 * deviations[action]
        return float(integrate.quad(integrand, low, high, limit=400, points=[means[action]])[0])

    return np.array([of(action) for action in range(len(means))])


def test_tables_are_the_normal_distribution() -> None:
    points = (np.arange(len(BELOW)) - LIMIT * STEPS) / STEPS
    assert np.abs(BELOW - norm.cdf(points)).max() < 1e-14
    assert np.abs(DENSITY - norm.pdf(points)).max() < 1e-14


@pytest.mark.parametrize("actions", [2, 5, 20])
@pytest.mark.parametrize("widest", [1.0, 3.0, 7.5])
@pytest.mark.parametrize("spread", [0.0, 0.3, 2.0])
def test_probabilities_are_those_of_numerical_integration(actions: int, widest: float, spread: float) -> None:
    rng = np.random.default_rng(actions)
    for _ in range(5):
        deviations = np.exp(rng.uniform(0, np.log(widest), actions)) + 1e-9
        means = rng.normal(size=actions) * spread
        assert np.abs(computed(means, deviations) - exact(means, deviations)).max() < ACCURACY


def test_probabilities_are_the_frequencies_of_draws() -> None:
    rng = np.random.default_rng(3)
    means, deviations = rng.normal(size=6), rng.uniform(0.3, 1.5, 6)
    best = (means + deviations * rng.normal(size=(400_000, 6))).argmax(axis=1)
    assert np.abs(computed(means, deviations) - np.bincount(best, minlength=6) / 400_000).max() < 4e-3


def test_certain_values_give_all_to_the_best() -> None:
    assert computed(np.array([0.0, 2.0, 1.0]), np.zeros(3)).tolist() == [0.0, 1.0, 0.0]
    assert computed(np.array([0.0, 100.0, 1.0]), np.ones(3)).tolist() == [0.0, 1.0, 0.0]


def test_a_deviation_counts_as_at_least_an_eighth_of_the_largest() -> None:
    means, deviations = np.array([0.0, 0.2]), np.array([1.0, 0.001])
    floored = np.array([1.0, 1 / 8])
    assert np.abs(computed(means, deviations) - exact(means, floored)).max() < ACCURACY
