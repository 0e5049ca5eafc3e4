"""Uplift: curves against values by hand, learners against a known effect."""

import numpy as np
import pytest

from trainer.ab_tests.uplift import dr_learner, pseudo_outcomes, ridge, t_learner, trees
from trainer.ab_tests.uplift_curves import curves

PREDICTED = np.array([4.0, 3.0, 2.0, 1.0])
OUTCOMES = np.array([1.0, 0.0, 0.0, 1.0])
TREATED = np.array([True, False, True, False])


def test_curves_by_hand() -> None:
    """After 1: one treated bought, no untreated. After 2: 1/1 - 0/1. After 3: 1/2 - 0. After 4: 1/2 - 1/2."""
    found = curves(PREDICTED, OUTCOMES, TREATED)
    assert found.uplift.tolist() == [0, 1, 2, 1.5, 0]
    assert found.qini.tolist() == [0, 1, 1, 1, 0]
    # Trapezoids of width 1/4: (0.5 + 1.5 + 1.75 + 0.75) / 4 = 1.125, per 4 visitors.
    assert found.auuc == pytest.approx(1.125 / 4)
    # (0.5 + 1 + 1 + 0.5) / 4 = 0.75 above a line that ends at 0, per 2 treated visitors.
    assert found.qini_coefficient == pytest.approx(0.375)


def test_equal_predictions_are_taken_together() -> None:
    found = curves(np.zeros(4), OUTCOMES, TREATED)
    assert found.qini.tolist() == [0, 0, 0, 0, 0]
    reversed_ = curves(np.zeros(4), OUTCOMES[::-1], TREATED[::-1])
    assert found.auuc == reversed_.auuc == 0


def test_a_random_order_has_no_qini_and_the_reverse_is_negative() -> None:
    random = np.random.default_rng(8)
    effect = random.normal(size=20_000)
    treated = random.random(20_000) < 0.5
    seen = random.normal(size=20_000) + treated * effect
    assert curves(effect, seen, treated).qini_coefficient > 0.1
    assert curves(-effect, seen, treated).qini_coefficient < -0.1
    assert abs(curves(random.random(20_000), seen, treated).qini_coefficient) < 0.03


def test_one_group_alone_has_no_curve() -> None:
    with pytest.raises(ValueError, match="all visitors are of one group"):
        curves(PREDICTED, OUTCOMES, np.ones(4, dtype=bool))
    with pytest.raises(ValueError, match="4 predictions, 3 outcomes"):
        curves(PREDICTED, OUTCOMES[:3], TREATED)


def world(count: int, propensity: float, seed: int = 9):
    """Features, outcomes, treatment and true effects: coupons help those with a high first feature."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 3))
    treated = random.random(count) < propensity
    effect = 0.5 * features[:, 0] + 0.2
    seen = features[:, 1] + treated * effect + random.normal(size=count)
    return features, seen, treated, effect


@pytest.mark.parametrize("fit", [t_learner(), dr_learner(), t_learner(trees), dr_learner(trees, ridge)])
def test_learners_find_who_is_helped(fit) -> None:
    features, seen, treated, _ = world(4000, 0.3)
    later, _, _, effect = world(2000, 0.3, seed=10)
    predicted = fit(features, seen, treated, 0.3)(later)
    assert np.corrcoef(predicted, effect)[0, 1] > 0.8
    assert predicted.mean() == pytest.approx(effect.mean(), abs=0.12)


def test_pseudo_outcomes_estimate_the_mean_effect_whatever_the_model() -> None:
    """Doubly robust: with the known propensity a useless outcome model does no harm."""
    features, seen, treated, effect = world(20_000, 0.3)
    useless = lambda features, targets: lambda rows: np.full(len(rows), 7.0)  # noqa: E731
    estimated = pseudo_outcomes(features, seen, treated, 0.3, useless)
    assert estimated.mean() == pytest.approx(effect.mean(), abs=0.3)
    better = pseudo_outcomes(features, seen, treated, 0.3, ridge)
    assert better.mean() == pytest.approx(effect.mean(), abs=0.05)
    assert better.std() < estimated.std() / 3


def test_what_cannot_be_learned_from_is_refused() -> None:
    features, seen, treated, _ = world(100, 0.3)
    with pytest.raises(ValueError, match=r"propensity 1\.0"):
        t_learner()(features, seen, treated, 1.0)
    with pytest.raises(ValueError, match="wait for more"):
        dr_learner()(features, seen, np.arange(100) < 3, 0.3)
    seen[3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        t_learner()(features, seen, treated, 0.3)
