"""Simulated sessions as logged decisions, as off-policy estimators and learners read them."""

from dataclasses import replace
from typing import Final

import numpy as np

from models.durations import DAY_MS, MINUTE_MS
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.simulation.shop import Shop
from trainer.simulation.step_model import Floats
from trainer.simulation.true_values import OneDecision, never
from trainer.simulation.visits import SampledSteps, roll, visits

#: When the simulated sessions begin: 2026-01-01, ten thousand a day.
BEGINS_MS: Final = 1_767_225_600_000
SESSIONS_A_DAY: Final = 10_000


def session_log(shop: Shop, shares: Floats, sessions: int, seed: int) -> LoggedDecisions:
    """Whole sessions: a trajectory each, the reward of each step beside it."""
    return _logged(shop, shares, visits(shop, shares, sessions, seed))


def decision_log(
    shop: Shop, bandit: OneDecision, shares: Floats, decisions: int, seed: int
) -> LoggedDecisions:
    """One decision a session (`true_values.OneDecision`); the reward is that of the session from there on."""
    shop.check(shares)
    generator = np.random.default_rng(seed)
    start = generator.choice(len(bandit.weights), decisions, p=bandit.weights)
    steps = roll(shop, start, [shares, never(shop)], generator)
    rewards = np.asarray(np.bincount(steps.session, steps.reward, decisions), dtype=np.float64)
    first = steps.rows(np.arange(decisions))._replace(reward=rewards)
    return replace(_logged(shop, shares, first), trajectory=None, step=None)


def _logged(shop: Shop, shares: Floats, steps: SampledSteps) -> LoggedDecisions:
    of = steps.rows(np.lexsort((steps.step, steps.session)))
    begins = BEGINS_MS + of.session * (DAY_MS // SESSIONS_A_DAY)
    return LoggedDecisions(
        actions=shop.actions.names,
        action=of.action,
        propensity=of.propensity,
        reward=of.reward,
        context=shop.context[of.state],
        allowed=shop.allowed[of.state],
        probabilities=shares[of.state],
        visitor=of.session,
        ts=begins + of.step * MINUTE_MS,
        trajectory=of.session,
        step=of.step,
    )


def every_state(shop: Shop) -> LoggedDecisions:
    """All states as a log, a row each, for asking a policy what it does in them; its rewards mean nothing."""
    count = len(shop.allowed)
    shares = never(shop)
    return LoggedDecisions(
        actions=shop.actions.names,
        action=np.full(count, shop.actions.none),
        propensity=np.ones(count),
        reward=np.zeros(count),
        context=shop.context,
        allowed=shop.allowed,
        probabilities=shares,
    )
