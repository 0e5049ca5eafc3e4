"""Estimators: values by hand, properties that theory demands, and those of the Open Bandit Pipeline."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.off_policy.estimators import (
    ESTIMATORS,
    Evidence,
    clipped_with,
    direct,
    doubly_robust,
    self_normalised,
    shrunk_with,
    switched_with,
    weighted,
)
from trainer.off_policy.importance_weights import doubts, effective_size, importance_weights, overlap, shrunk
from trainer.off_policy.policy_evidence import evidence

#: Four decisions: weights 2, 0.5, 1, 0.
BY_HAND = Evidence(
    weights=np.array([2.0, 0.5, 1.0, 0.0]),
    reward=np.array([1.0, 0.0, 3.0, 5.0]),
    expected=np.array([0.5, 1.0, 2.0, 1.0]),
    expected_policy=np.array([1.0, 0.5, 2.0, 1.5]),
)


@pytest.mark.parametrize(
    ("estimator", "value"),
    [
        (direct, 5.0 / 4),
        (weighted, (2.0 + 0.0 + 3.0 + 0.0) / 4),
        (self_normalised, 5.0 / 3.5),
        (doubly_robust, (5.0 + 2 * 0.5 - 0.5 * 1.0 + 1.0 * 1.0) / 4),
        (clipped_with(1.0), (1.0 + 0.0 + 3.0) / 4),
        (switched_with(1.0), (5.0 - 0.5 + 1.0) / 4),
        # w l / (w^2 + l) at l = 2: 4/6, 1/2.25, 2/3, 0.
        (shrunk_with(2.0), (5.0 + 4 / 6 * 0.5 - 1 / 2.25 * 1.0 + 2 / 3 * 1.0) / 4),
    ],
)
def test_values_by_hand(estimator, value):
    assert estimator(BY_HAND).value == pytest.approx(value, abs=1e-12)


def test_effective_sizes_by_hand():
    assert effective_size(BY_HAND.weights) == pytest.approx(3.5**2 / 5.25)
    assert weighted(BY_HAND).effective == pytest.approx(3.5**2 / 5.25)
    assert direct(BY_HAND).effective == 4.0
    assert effective_size(np.zeros(3)) == 0.0


def test_estimators_say_where_their_bounds_leave_out_a_bias():
    infinite = float("inf")
    assert all(
        one(BY_HAND).is_biased for one in (direct, clipped_with(1.0), switched_with(1.0), shrunk_with(9.0))
    )
    honest = (weighted, self_normalised, doubly_robust, clipped_with(infinite), shrunk_with(infinite))
    assert not any(one(BY_HAND).is_biased for one in honest)


def test_without_weights_dr_is_dm_and_snips_is_unknown():
    nothing = replace(BY_HAND, weights=np.zeros(4))
    assert doubly_robust(nothing).value == direct(nothing).value
    assert switched_with(0.0)(BY_HAND).value == direct(BY_HAND).value
    assert shrunk_with(0.0)(BY_HAND).value == direct(BY_HAND).value
    assert weighted(nothing).value == 0.0
    assert np.isnan(self_normalised(nothing).value)


def test_limits_of_clipping_switching_and_shrinkage():
    infinite = float("inf")
    assert clipped_with(infinite)(BY_HAND).value == weighted(BY_HAND).value
    assert switched_with(infinite)(BY_HAND).value == doubly_robust(BY_HAND).value
    assert shrunk_with(infinite)(BY_HAND).value == doubly_robust(BY_HAND).value
    assert shrunk_with(1e15)(BY_HAND).value == pytest.approx(doubly_robust(BY_HAND).value)
    weights = np.linspace(0, 50, 500)
    assert (shrunk(weights, 9.0) <= np.minimum(weights, 1.5) + 1e-12).all()


def test_snips_moves_with_rewards_and_stays_within_them(bandit):
    made = bandit(3, 300)
    given = evidence(made.policy, made.logged, made.policy.matrix, made.means)
    moved = replace(given, reward=given.reward * 2 + 7)
    assert self_normalised(moved).value == pytest.approx(self_normalised(given).value * 2 + 7)
    assert given.reward.min() <= self_normalised(given).value <= given.reward.max()
    assert weighted(moved).value != pytest.approx(weighted(given).value * 2 + 7)


def test_ips_and_dr_are_unbiased_even_with_a_wrong_model(bandit):
    found = {"ips": [], "dr": [], "dm": []}
    for seed in range(300):
        made = bandit(seed, 200)
        wrong = np.full_like(made.means, 0.9)
        given = evidence(made.policy, made.logged, made.policy.matrix, wrong)
        for name, values in found.items():
            values.append(ESTIMATORS[name](given).value)
    truth = bandit(0, 1).truth
    for name in ("ips", "dr"):
        error = np.std(found[name]) / np.sqrt(300)
        assert abs(np.mean(found[name]) - truth) < 4 * error
    assert np.mean(found["dm"]) == pytest.approx(0.9)


def test_the_right_model_leaves_dr_less_variance(bandit):
    values = {name: [] for name in ("ips", "dr", "switch_dr", "dros")}
    for seed in range(200):
        made = bandit(seed, 300)
        given = evidence(made.policy, made.logged, made.policy.matrix, made.means)
        for name, found in values.items():
            found.append(ESTIMATORS[name](given).value - made.truth)
    spread = {name: float(np.sqrt(np.mean(np.square(found)))) for name, found in values.items()}
    assert spread["dr"] < 0.8 * spread["ips"]
    assert spread["dros"] < 1.05 * spread["dr"]
    assert spread["switch_dr"] < 1.05 * spread["dr"]


def test_overlap_tells_what_a_log_lacks(bandit):
    made = bandit(1, 2000)
    weights = importance_weights(made.logged, made.policy.matrix)
    found = overlap(made.logged, made.policy.matrix, weights)
    assert abs(found.deviation) < 3.5
    assert found.mean_weight == pytest.approx(weights.mean())
    assert found.largest_weight == pytest.approx(7.0)
    assert found.unmatched == 0.0
    assert doubts(found) == []


def test_wrong_propensities_and_missing_actions_raise_doubts(bandit):
    made = bandit(1, 2000)
    off = replace(made.logged, propensity=np.minimum(made.logged.propensity * 1.5, 1.0))
    weights = importance_weights(off, made.policy.matrix)
    assert any("standard errors from 1" in said for said in doubts(overlap(off, made.policy.matrix, weights)))
    part = made.logged.rows(made.logged.action != 3)
    under = made.policy.matrix[made.logged.action != 3]
    found = overlap(part, under, importance_weights(part, under))
    assert found.uncovered == pytest.approx(under[:, 3].mean())
    assert any("nowhere" in said for said in doubts(found))
    few = overlap(part, under, np.where(np.arange(len(part)) < 3, 100.0, 0.0))
    assert any("too few" in said for said in doubts(few))
    assert any("One decision has" in said for said in doubts(few))


def test_the_open_bandit_pipeline_gives_the_same_values(bandit):
    ope = pytest.importorskip(
        "obp.ope", reason="obp 0.4.1 is not installed: pip install --no-deps obp==0.4.1"
    )
    made = bandit(5, 500)
    arguments = {
        "reward": made.logged.reward,
        "action": made.logged.action,
        "pscore": made.logged.propensity,
        "action_dist": made.policy.matrix[:, :, None],
        "estimated_rewards_by_reg_model": np.random.default_rng(0).random(made.means.shape)[:, :, None],
        "position": np.zeros(500, dtype=int),
    }
    given = evidence(
        made.policy, made.logged, made.policy.matrix, arguments["estimated_rewards_by_reg_model"][:, :, 0]
    )
    pairs = [
        (ope.DirectMethod(), direct),
        (ope.InverseProbabilityWeighting(), weighted),
        (ope.SelfNormalizedInverseProbabilityWeighting(), self_normalised),
        (ope.DoublyRobust(), doubly_robust),
        (ope.SwitchDoublyRobust(tau=1.3), switched_with(1.3)),
        (ope.DoublyRobustWithShrinkage(lambda_=2.5), shrunk_with(2.5)),
    ]
    for theirs, ours in pairs:
        assert ours(given).value == pytest.approx(theirs.estimate_policy_value(**arguments), abs=1e-6)
