"""A bandit whose true values are known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from trainer.off_policy.logged_decisions import LoggedDecisions

ACTIONS = ("ad", "coupon", "none", "nudge")


@dataclass(frozen=True)
class Given:
    """A policy of probabilities that are known."""

    name: str
    matrix: NDArray[np.float64]

    def probabilities(self, logged: LoggedDecisions) -> NDArray[np.float64]:
        return self.matrix


@dataclass(frozen=True)
class Bandit:
    """A log, a policy to evaluate, the mean rewards [n, k], and the policy's true value."""

    logged: LoggedDecisions
    policy: Given
    means: NDArray[np.float64]
    truth: float


def make(seed: int, count: int) -> Bandit:
    """A log of `count` decisions; its contexts are drawn as well, so `truth` is of all contexts."""
    random = np.random.default_rng(seed)
    high, desktop = random.random(count) < 0.5, random.random(count) < 0.3
    group = high * 2 + desktop
    means = _MEANS[group]
    chances = _LOGGING[group]
    action = (chances.cumsum(axis=1) > random.random(count)[:, None]).argmax(axis=1).astype(np.int64)
    rows = np.arange(count)
    logged = LoggedDecisions(
        actions=ACTIONS,
        action=action,
        propensity=chances[rows, action],
        reward=(random.random(count) < means[rows, action]).astype(np.float64),
        context=pl.DataFrame(
            {"spend": high.astype(np.float64), "device": np.where(desktop, "desktop", "mobile")}
        ),
        probabilities=chances,
    )
    shares = np.array([0.5 * 0.7, 0.5 * 0.3, 0.5 * 0.7, 0.5 * 0.3])
    truth = float(shares @ (_EVALUATED * _MEANS).sum(axis=1))
    return Bandit(logged, Given("new", _EVALUATED[group]), means, truth)


@pytest.fixture(scope="session")
def bandit() -> Callable[[int, int], Bandit]:
    """See `make`."""
    return make


_MEANS = np.array([[0.1, 0.3, 0.2, 0.5], [0.2, 0.2, 0.4, 0.1], [0.6, 0.1, 0.3, 0.2], [0.5, 0.7, 0.1, 0.3]])
_LOGGING = np.array([[0.4, 0.3, 0.2, 0.1], [0.25] * 4, [0.1, 0.2, 0.3, 0.4], [0.4, 0.1, 0.4, 0.1]])
_EVALUATED = np.array(
    [[0.1, 0.2, 0.1, 0.6], [0.1, 0.1, 0.7, 0.1], [0.7, 0.1, 0.1, 0.1], [0.2, 0.6, 0.1, 0.1]]
)
