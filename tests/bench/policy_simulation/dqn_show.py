"""Double DQN, trained off-line from epsilon-greedy logs, with and without its conservative term."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tests.bench.policy_simulation.learners import Learner
from tests.bench.policy_simulation.worlds import world
from trainer.simulation.shop_policies import epsilon_greedy, rules, shares_of
from trainer.simulation.simulated_logs import session_log
from trainer.simulation.true_values import optimum, session_value

EPSILON = 0.3


class Trained(NamedTuple):
    """True values of a session in one world."""

    world: int
    logging: float
    rules: float
    optimum: float
    learned: dict[str, float]


def trained(learners: Mapping[str, Learner], seed: int, sessions: int) -> Trained:
    """Each learner on one log of one world."""
    shop = world(seed)
    by_rules = rules(shop)
    logging = epsilon_greedy(shop, by_rules, EPSILON)
    logged = session_log(shop, logging, sessions, seed)
    values = {
        name: session_value(shop, shares_of(shop, learn(logged, shop.actions, seed)))
        for name, learn in learners.items()
    }
    known = session_value(shop, logging), session_value(shop, by_rules), optimum(shop).value
    return Trained(seed, *known, values)


def summary(found: list[Trained]) -> dict[str, dict[str, float]]:
    """By learner: in which share of the worlds it beats the logging policy, and how much of the way from
    there to the optimum it makes on average.
    """
    logging, best = (np.array([getattr(one, name) for one in found]) for name in ("logging", "optimum"))
    rows = {}
    for name in found[0].learned:
        values = np.array([one.learned[name] for one in found])
        rows[name] = {
            "value": float(values.mean()),
            "beats logging": float((values > logging).mean()),
            "beats rules": float((values > [one.rules for one in found]).mean()),
            "of the optimum's lead": float(((values - logging) / (best - logging)).mean()),
            "worst": float((values - logging).min()),
        }
    return rows
