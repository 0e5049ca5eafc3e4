"""True values: exact expectations agree with simulation, and nothing is above the optimum."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.simulation.action_effects import ActionEffects
from trainer.simulation.log_steps import SimulationError
from trainer.simulation.shop import Shop
from trainer.simulation.shop_policies import epsilon_greedy, rules, uniform
from trainer.simulation.simulated_logs import decision_log, session_log
from trainer.simulation.true_values import (
    action_values,
    best_of,
    never,
    occupancy,
    one_decision,
    optimum,
    session_value,
    session_values,
)
from trainer.simulation.visits import sampled_value, visits

SESSIONS = 100_000


@pytest.mark.parametrize("policy", [never, rules, uniform])
def test_a_true_value_is_what_many_sessions_earn(shop: Shop, policy: object) -> None:
    shares = policy(shop)  # type: ignore[operator]
    found = sampled_value(shop, shares, SESSIONS, seed=3)
    assert abs(found.value - session_value(shop, shares)) < 4 * found.error


def test_visited_states_are_those_expected(shop: Shop) -> None:
    shares = uniform(shop)
    expected = occupancy(shop, shares)
    steps = visits(shop, shares, SESSIONS, seed=4)
    assert len(steps.state) / SESSIONS == pytest.approx(expected.sum(), rel=0.02)
    common = expected > 0.005
    found = np.bincount(steps.state, minlength=len(expected))[common] / SESSIONS
    assert found == pytest.approx(expected[common], rel=0.25)


def test_no_policy_beats_the_optimum(shop: Shop) -> None:
    best = optimum(shop)
    assert session_value(shop, best.shares) == pytest.approx(best.value, abs=1e-9)
    for seed in range(5):
        scores = np.random.default_rng(seed).normal(size=shop.rewards.shape)
        assert session_value(shop, best_of(shop, scores)) < best.value
    values = session_values(shop, best.shares)
    improved = np.where(shop.allowed, action_values(shop, values), -np.inf).max(axis=1)
    assert improved == pytest.approx(values, abs=1e-8)


def test_the_optimum_gives_up_reward_now_for_reward_later(shop: Shop) -> None:
    greedy = session_value(shop, best_of(shop, shop.rewards))
    assert session_value(shop, rules(shop)) < greedy < 0.97 * optimum(shop).value


def test_one_decisions_have_known_values_too(shop: Shop) -> None:
    bandit, shares = one_decision(shop), uniform(shop)
    logged = decision_log(shop, bandit, shares, SESSIONS, seed=5)
    error = logged.reward.std() / np.sqrt(SESSIONS)
    assert abs(logged.reward.mean() - bandit.value(shares)) < 4 * error
    assert bandit.value(best_of(shop, bandit.rewards)) > bandit.value(rules(shop))


def test_without_effects_the_best_is_to_serve_nothing_that_costs(shop: Shop) -> None:
    inert = replace(shop, effects=ActionEffects(strength=0, fatigue=0, clicked_leave=0, offer=0))
    best = optimum(inert).shares
    visited = occupancy(inert, best) @ best
    costly = inert.costs > 0
    assert session_value(inert, never(inert)) <= optimum(inert).value
    assert visited[costly & (inert.effects.seen * 1.0 < inert.costs)].sum() == 0


def test_one_seed_is_one_crowd_whatever_the_policy(shop: Shop) -> None:
    near, far = rules(shop), epsilon_greedy(shop, rules(shop), 0.1)

    def session_rewards(shares: np.ndarray, seed: int) -> np.ndarray:
        steps = visits(shop, shares, 20_000, seed)
        return np.bincount(steps.session, steps.reward, 20_000)

    paired = session_rewards(near, 1) - session_rewards(far, 1)
    apart = session_rewards(near, 1) - session_rewards(far, 2)
    assert paired.std() < 0.7 * apart.std()


def test_sessions_keep_to_their_caps(shop: Shop) -> None:
    steps = visits(shop, uniform(shop), 20_000, seed=6)
    served = np.bincount(steps.session, shop.serving[steps.action] > 0)
    offers = np.bincount(steps.session, shop.serving[steps.action] == 2)
    assert served.max() == 3
    assert offers.max() == 1


def test_logs_have_what_the_policy_did(shop: Shop) -> None:
    shares = epsilon_greedy(shop, rules(shop), 0.3)
    logged = session_log(shop, shares, 5_000, seed=7)
    rows = np.arange(len(logged))
    assert logged.probabilities is not None
    assert logged.step is not None
    assert logged.trajectory is not None
    assert (logged.probabilities[rows, logged.action] == logged.propensity).all()
    assert logged.mask[rows, logged.action].all()
    firsts = logged.step == 0
    assert firsts.sum() == 5_000
    assert (np.diff(logged.trajectory) == firsts[1:]).all()
    assert (logged.context["click"].to_numpy()[firsts] == 1).all()


def test_a_policy_that_ignores_masks_is_refused(shop: Shop) -> None:
    shares = np.full(shop.rewards.shape, 1 / shop.rewards.shape[1])
    with pytest.raises(SimulationError, match="masked action a probability above 0"):
        session_value(shop, shares)
    with pytest.raises(SimulationError, match="rows that sum to 1"):
        session_value(shop, shop.allowed.astype(float))
