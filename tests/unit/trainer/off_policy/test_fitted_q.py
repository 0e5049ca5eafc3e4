"""Fitted Q evaluation: a chain whose values are known."""

import numpy as np
import polars as pl
import pytest

from models.errors import PathcastError
from trainer.off_policy.fitted_q import fitted_q
from trainer.off_policy.fixed_policies import Logging
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.off_policy.trajectories import steps_of
from trainer.policy_reports.policy_value import EvaluationSettings

#: A shopper is cold or warm; asking warms a cold one and annoys a warm one; waiting cools nobody.
_WARMED, _ASK, _WAIT = 0.6, 0, 1
_REWARD = {("cold", _ASK): -0.1, ("cold", _WAIT): 0.0, ("warm", _ASK): -0.2, ("warm", _WAIT): 1.0}
_LENGTH, _GAMMA = 4, 0.9


def _log(count: int, seed: int, ask: float = 0.5) -> LoggedDecisions:
    random = np.random.default_rng(seed)
    rows = []
    for trajectory in range(count):
        state = "cold"
        for step in range(_LENGTH):
            action = int(random.random() >= ask)
            rows.append((trajectory, step, f"{state}{step}", action, _REWARD[state, action]))
            if state == "cold" and action == _ASK and random.random() < _WARMED:
                state = "warm"
    random.shuffle(rows)
    trajectory, step, state, action, reward = map(np.array, zip(*rows, strict=True))
    return LoggedDecisions(
        actions=("ask", "wait"),
        action=action.astype(np.int64),
        propensity=np.where(action == _ASK, ask, 1 - ask),
        reward=reward.astype(np.float64) + random.normal(scale=0.1, size=len(rows)),
        context=pl.DataFrame({"state": state.tolist()}),
        trajectory=trajectory.astype(np.int64),
        step=step.astype(np.int64),
    )


def _policy(logged: LoggedDecisions) -> np.ndarray:
    """Asks the cold and waits for the warm."""
    cold = logged.context["state"].str.starts_with("cold").to_numpy()
    return np.column_stack([cold, ~cold]).astype(np.float64)


def _truth() -> float:
    warm, value = 0.0, 0.0
    for step in range(_LENGTH):
        value += _GAMMA**step * (warm * 1.0 + (1 - warm) * -0.1)
        warm += (1 - warm) * _WARMED
    return value


_SETTINGS = EvaluationSettings(gamma=_GAMMA)


def test_the_value_of_a_policy_over_steps_is_found():
    logged = _log(3000, 0)
    found = fitted_q("new", logged, _policy(logged), _SETTINGS)
    assert found.value == pytest.approx(_truth(), abs=0.08)
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.15
    assert found.trajectories == 3000
    assert found.on_policy < found.value - 0.3


def test_the_interval_holds_the_truth_and_the_logging_policy_has_its_mean():
    held, values = [], []
    for seed in range(20):
        logged = _log(400, seed)
        found = fitted_q("new", logged, _policy(logged), _SETTINGS)
        held.append(found.low <= _truth() <= found.high)
        values.append(found.value)
    assert np.mean(held) >= 0.8
    assert np.mean(values) == pytest.approx(_truth(), abs=0.05)
    logged = _log(1000, 1)
    own = fitted_q("logging", logged, Logging().probabilities(logged), _SETTINGS)
    assert own.value == pytest.approx(own.on_policy, abs=0.05)


def test_steps_are_followed_in_their_order_whatever_the_order_of_rows():
    logged = LoggedDecisions(
        actions=("a",),
        action=np.zeros(4, dtype=np.int64),
        propensity=np.ones(4),
        reward=np.array([3.0, 1.0, 10.0, 2.0]),
        context=pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}),
        trajectory=np.array([0, 0, 1, 0]),
        step=np.array([2, 0, 0, 1]),
    )
    steps = steps_of(logged)
    assert steps.order.tolist() == [1, 3, 0, 2]
    assert steps.following.tolist() == [1, 2, -1, -1]
    assert steps.first.tolist() == [0, 3]
    assert steps.returns(logged.reward, 0.5).tolist() == [1 + 1 + 0.75, 10.0]


def test_without_discount_of_later_steps_it_is_the_mean_of_first_rewards():
    logged = _log(800, 0)
    at_once = fitted_q("new", logged, _policy(logged), EvaluationSettings(gamma=0.0))
    assert at_once.value == pytest.approx(-0.1, abs=0.02)


def test_logs_that_have_no_steps_or_too_many_columns_are_refused(bandit):
    flat = bandit(0, 50)
    with pytest.raises(PathcastError, match="--map trajectory=COLUMN"):
        fitted_q("new", flat.logged, flat.policy.matrix, _SETTINGS)
    wide = _log(50, 0)
    many = {f"x{number}": np.zeros(len(wide)) for number in range(1600)}
    columns = LoggedDecisions(
        *(wide.actions, wide.action, wide.propensity, wide.reward, pl.DataFrame(many)),
        trajectory=wide.trajectory,
        step=wide.step,
    )
    with pytest.raises(PathcastError, match="expected at most 3,000 numbers"):
        fitted_q("new", columns, _policy(wide), _SETTINGS)
