"""Synthetic logs of decisions whose best actions are known."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trainer.off_policy.logged_decisions import LoggedDecisions

ACTIONS = ("none", "a", "b", "c")


def expected_rewards(age: NDArray[np.float64], device: NDArray[np.str_]) -> NDArray[np.float64]:
    """True expected rewards [n, 4]: `a` suits the young, `b` the old, `c` phones; `none` gives 0.2."""
    rewards = np.full((len(age), len(ACTIONS)), 0.2)
    rewards[:, 1] = 0.3 - 0.4 * age
    rewards[:, 2] = 0.3 + 0.4 * age
    rewards[:, 3] = np.where(device == "phone", 0.6, -0.4)
    return rewards


def bandit(count: int, seed: int = 0) -> tuple[LoggedDecisions, NDArray[np.float64]]:
    """A log of a policy that prefers `none`, and the true expected rewards."""
    rng = np.random.default_rng(seed)
    age, device = rng.normal(size=count), rng.choice(["phone", "desktop", "tablet"], size=count)
    truth = expected_rewards(age, device)
    chances = np.array([0.4, 0.2, 0.2, 0.2])
    action = rng.choice(4, size=count, p=chances)
    reward = truth[np.arange(count), action] + rng.normal(size=count) * 0.5
    context = pl.DataFrame({"age": age, "device": device, "noise": rng.normal(size=count)})
    return LoggedDecisions(ACTIONS, action, chances[action], reward, context), truth


CORRIDOR = ("left", "right")


def corridor(count: int, seed: int = 0, length: int = 5) -> LoggedDecisions:
    """Walks along `length` places: `right` at the end pays 1, `left` pays 0.15 at once and starts again.

    A greedy bandit takes `left`; who looks ahead takes `right` everywhere.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for walk in range(count):
        place = 0
        for step in range(2 * length):
            action = int(rng.random() < 0.6)
            paid = 0.15 if action == 0 else float(place == length - 1)
            rows.append((walk, step, place, action, 0.6 if action else 0.4, paid))
            place = place + 1 if action and place < length - 1 else 0
    walks, steps, places, actions, chances, paid_ = map(np.array, zip(*rows, strict=True))
    context = pl.DataFrame({"place": [f"p{one}" for one in places]})
    return LoggedDecisions(CORRIDOR, actions, chances, paid_, context, trajectory=walks, step=steps)
