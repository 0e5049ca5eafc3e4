"""Fitted Q evaluation (Le, Voloshin, Yue 2019): the discounted sum of rewards of a policy over steps."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.fixed_policies import LOGGING
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.off_policy.trajectories import OrderedSteps, features, steps_of

Floats = NDArray[np.float64]
FQE: Final = "fqe"
#: Most iterations, the change at which they end, the size at which they diverge, resamples, L2 penalty.
_ITERATIONS, _SAME, _DIVERGED, _DRAWS, _PENALTY = 500, 1e-9, 1e9, 200, 0.1


class SequentialSettings(Protocol):
    """What the evaluation of steps needs of the settings."""

    @property
    def gamma(self) -> float:
        """Discount of a step, from 0 to below 1."""
        ...

    @property
    def level(self) -> float:
        """Share of the logs in which an interval holds the true value."""
        ...

    @property
    def seed(self) -> int:
        """Of the resamples."""
        ...


@dataclass(frozen=True)
class FittedQ:
    """`value` is the mean discounted sum of rewards from the first step; NaN where the iteration diverged.

    `low` and `high` are of a bootstrap over trajectories that fits again; `on_policy` is the mean discounted
    sum that was logged.
    """

    value: float
    low: float
    high: float
    trajectories: int
    on_policy: float
    gamma: float

    def figures(self) -> dict[str, Any]:
        """As reports have it; `ess` counts trajectories."""
        bounds = {name: getattr(self, name) for name in ("value", "low", "high", "on_policy")}
        numbers = {name: float(one) if np.isfinite(one) else None for name, one in bounds.items()}
        return numbers | {"ess": float(self.trajectories), "gamma": self.gamma}


def fitted_q(
    name: str, logged: LoggedDecisions, probabilities: Floats, settings: SequentialSettings
) -> FittedQ:
    """Evaluate a policy of `probabilities` [n, k] by a Q function that is linear in the context by action.

    Of the logging policy the next logged action stands for its distribution. Raises ValueError without
    trajectories.
    """
    steps = steps_of(logged, settings.seed)
    given = steps.chosen(steps.one_hot) if name == LOGGING else steps.chosen(probabilities)
    fit = _Fit(steps, features(logged), given, settings.gamma)
    even = np.ones(steps.units.count)
    draws = [counts for block in steps.units.draws(_DRAWS) for counts in block]
    drawn = np.array([fit.value(counts) for counts in draws])
    low, high = _bounds(drawn, settings.level)
    returns = steps.returns(logged.reward, settings.gamma)
    return FittedQ(fit.value(even), low, high, steps.units.count, float(returns.mean()), settings.gamma)


class SequentialValue:
    """Values of many policies on one log, without intervals. Raises PathcastError as `fitted_q` does."""

    def __init__(self, logged: LoggedDecisions, gamma: float) -> None:
        self._steps, self._gamma = steps_of(logged), gamma
        self._features, self._even = features(logged), np.ones(self._steps.units.count)
        longest = int(np.bincount(self._steps.units.unit).max())
        self._most = float(np.abs(logged.reward).max()) * float(np.sum(gamma ** np.arange(longest)))

    def of(self, probabilities: Floats) -> float:
        """As `FittedQ.value`; NaN also for a value beyond what the longest sequence could earn."""
        fit = _Fit(self._steps, self._features, self._steps.chosen(probabilities), self._gamma)
        value = fit.value(self._even)
        return value if abs(value) <= self._most else float("nan")


def _bounds(drawn: Floats, level: float) -> tuple[float, float]:
    """NaN where a resample diverged: the interval has no end then."""
    if not np.isfinite(drawn).all() or len(drawn) < 2:
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


class _Fit:
    """Sums over trajectories from which Q is fitted with any weights of them."""

    def __init__(self, steps: OrderedSteps, taken: Floats, policy: Floats, gamma: float) -> None:
        self._steps, self._gamma = steps, gamma
        width, actions = taken.shape[1], policy.shape[1]
        self._taken = _by_action(taken, steps.one_hot)
        self._under = _by_action(taken, policy)
        following = self._under[steps.following] * (steps.following >= 0)[:, None]
        self._next = following
        self._size = width * actions

    def value(self, counts: Floats) -> float:
        """Mean over trajectories, each counted `counts` times."""
        weights = counts[self._steps.units.unit][:, None]
        weighted = self._taken * weights
        gram = weighted.T @ self._taken + _PENALTY * np.eye(self._size)
        targets = weighted.T @ np.column_stack([self._steps.reward, self._next])
        solved = np.linalg.solve(gram, targets).astype(np.float64)
        fitted = self._iterated(solved[:, 0], self._gamma * solved[:, 1:])
        first = self._steps.first
        return float(np.average(self._under[first] @ fitted, weights=counts[self._steps.units.unit[first]]))

    def _iterated(self, start: Floats, step: Floats) -> Floats:
        fitted = start
        for _ in range(_ITERATIONS):
            after = start + step @ fitted
            change = float(np.abs(after - fitted).max())
            fitted = after
            if not change < _DIVERGED:
                return np.full_like(start, np.nan)
            if change < _SAME * max(1.0, float(np.abs(fitted).max())):
                break
        return fitted


def _by_action(taken: Floats, probabilities: Floats) -> Floats:
    """Features of a mean over actions: each action has columns of its own, [n, k d]."""
    found: Floats = (probabilities[:, :, None] * taken[:, None, :]).reshape(len(taken), -1)
    return found
