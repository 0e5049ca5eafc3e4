"""Reward models: what they learn, and that none has seen the decision that it speaks of."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trainer.off_policy.cross_fitting import cross_fitted, folds_of
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.off_policy.reward_models import REWARD_MODELS, RewardRows


@pytest.mark.parametrize(("name", "left"), [("linear", 0.6), ("ridge", 0.6), ("trees", 0.2)])
def test_models_learn_the_mean_rewards_of_all_actions(bandit, name, left):
    """Linear ones cannot learn what both columns say together."""
    made = bandit(0, 6000)
    found = cross_fitted(made.logged, name).expected
    assert found.shape == made.means.shape
    constant = float(((made.means - made.means.mean()) ** 2).mean())
    assert float(((found - made.means) ** 2).mean()) < left * constant


def test_the_choice_is_by_held_out_error(bandit):
    made = bandit(0, 3000)
    chosen = cross_fitted(made.logged)
    assert chosen.model in ("linear", "shrunk_linear", "trees")
    assert chosen.error[chosen.model] == min(chosen.error.values())
    noise = replace(made.logged, reward=np.random.default_rng(0).integers(0, 2, 3000).astype(np.float64))
    assert cross_fitted(noise).model == "means"


def test_no_model_has_seen_the_visitor_it_speaks_of():
    """Rewards are noise that repeats within a visitor: a model that saw the visitor would foresee it."""
    random = np.random.default_rng(0)
    visitor = np.repeat(np.arange(150), 8)
    noise = random.normal(size=150)
    logged = LoggedDecisions(
        actions=("a", "b"),
        action=random.integers(0, 2, 1200),
        propensity=np.full(1200, 0.5),
        reward=noise[visitor],
        context=pl.DataFrame({"who": random.normal(size=150)[visitor]}),
        visitor=visitor,
    )
    fold = folds_of(logged, 3, 0)
    assert fold is not None
    assert all(len(np.unique(fold[visitor == one])) == 1 for one in range(150))
    expected = cross_fitted(logged, "trees").expected
    taken = expected[np.arange(1200), logged.action]
    assert abs(np.corrcoef(taken, logged.reward)[0, 1]) < 0.3


def test_few_decisions_and_equal_rewards_have_a_mean(bandit):
    few = bandit(0, 4).logged
    assert np.allclose(cross_fitted(few).expected, few.reward.mean())
    same = replace(bandit(0, 60).logged, reward=np.full(60, 2.5))
    for name in REWARD_MODELS:
        assert np.allclose(cross_fitted(same, name).expected, 2.5)


def test_rewards_of_any_size_are_regressed():
    random = np.random.default_rng(0)
    context, action = random.normal(size=(2000, 1)), random.integers(0, 3, 2000)
    reward = np.array([0.0, 10.0, -10.0])[action] * context[:, 0] + 100
    for name in ("linear", "trees"):
        model = REWARD_MODELS[name](RewardRows(context, action, reward, 3))
        at_one = model.expected(np.array([[1.0]]))[0]
        assert at_one == pytest.approx([100, 110, 90], abs=2.0)


def test_actions_that_the_log_lacks_are_expected_to_be_ordinary(bandit):
    logged = replace(bandit(0, 600).logged, actions=("ad", "coupon", "none", "nudge", "new"))
    for name in ("means", "linear", "trees"):
        found = cross_fitted(logged, name).expected[:, 4]
        assert np.isfinite(found).all()
        assert (found > 0).all()
