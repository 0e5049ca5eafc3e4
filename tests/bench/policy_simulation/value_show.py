"""True values of learned policies beside rules and the optimum, one decision a session."""

from collections.abc import Mapping

import numpy as np

from tests.bench.policy_simulation.learners import Learner
from tests.bench.policy_simulation.worlds import world
from trainer.simulation.shop_policies import epsilon_greedy, rules, shares_of, uniform
from trainer.simulation.simulated_logs import decision_log
from trainer.simulation.true_values import best_of, never, one_decision

EPSILON = 0.3


def values(learners: Mapping[str, Learner], seeds: range, decisions: int) -> dict[str, dict[str, float]]:
    """Means over worlds; `of the optimum's lead` is the share of the way from the rules to the optimum."""
    found: dict[str, list[float]] = {}
    for seed in seeds:
        for name, value in _of_world(learners, seed, decisions).items():
            found.setdefault(name, []).append(value)
    columns = {name: np.array(of_worlds) for name, of_worlds in found.items()}
    lead = columns["optimum"] - columns["rules"]
    return {
        name: {
            "value": float(column.mean()),
            "beats rules": float((column > columns["rules"]).mean()),
            "of the optimum's lead": float(((column - columns["rules"]) / lead).mean()),
        }
        for name, column in columns.items()
    }


def _of_world(learners: Mapping[str, Learner], seed: int, decisions: int) -> dict[str, float]:
    shop = world(seed)
    bandit = one_decision(shop)
    logging = epsilon_greedy(shop, rules(shop), EPSILON)
    logged = decision_log(shop, bandit, logging, decisions, seed)
    learned = {name: shares_of(shop, learn(logged, shop.actions, seed)) for name, learn in learners.items()}
    known = {
        "nothing": never(shop),
        "uniform": uniform(shop),
        "logging": logging,
        "rules": rules(shop),
        "optimum": best_of(shop, bandit.rewards),
    }
    return {name: bandit.value(shares) for name, shares in {**known, **learned}.items()}
