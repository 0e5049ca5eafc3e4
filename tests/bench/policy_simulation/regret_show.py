"""Regret over time: policies that are trained again after each round, on all decisions so far."""

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np
import polars as pl

from tests.bench.policy_simulation.learners import Learner
from tests.bench.policy_simulation.worlds import world
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.simulation.shop_policies import epsilon_greedy, rules, shares_of, uniform
from trainer.simulation.simulated_logs import decision_log
from trainer.simulation.true_values import best_of, one_decision

#: The floor of exploration that every policy keeps.
EPSILON = 0.05


def regrets(
    learners: Mapping[str, Learner | None], seed: int, rounds: int, decisions: int
) -> dict[str, list[float]]:
    """By learner (None: the rules) the true regret of a decision in each round, in currency units.

    The first round is uniform for learners.
    """
    shop = world(seed)
    bandit = one_decision(shop)
    best = bandit.value(best_of(shop, bandit.rewards))
    found: dict[str, list[float]] = {}
    for name, learn in learners.items():
        shares = uniform(shop) if learn else rules(shop)
        logged: LoggedDecisions | None = None
        found[name] = []
        for number in range(rounds):
            found[name].append(best - bandit.value(shares))
            if learn is not None:
                new = decision_log(shop, bandit, shares, decisions, seed=1000 * seed + number)
                logged = joined(logged, new)
                learned = shares_of(shop, learn(logged, shop.actions, seed))
                shares = epsilon_greedy(shop, learned, EPSILON)
    return found


def joined(earlier: LoggedDecisions | None, later: LoggedDecisions) -> LoggedDecisions:
    """Two logs of one action set, one after the other."""
    if earlier is None:
        return later
    parts = {}
    for column in fields(later):
        values = getattr(earlier, column.name), getattr(later, column.name)
        if column.name == "context":
            parts["context"] = pl.concat(values)
        elif isinstance(values[1], np.ndarray):
            parts[column.name] = np.concatenate(values)
    shift = int(earlier.visitor.max()) + 1 if earlier.visitor is not None else 0
    parts["visitor"][len(earlier) :] += shift
    return replace(later, **parts)


def mean_regrets(
    learners: Mapping[str, Learner | None], seeds: range, rounds: int, decisions: int
) -> dict[str, list[float]]:
    """`regrets` on average over worlds."""
    found = [regrets(learners, seed, rounds, decisions) for seed in seeds]
    return {name: np.mean([one[name] for one in found], axis=0).round(4).tolist() for name in learners}
