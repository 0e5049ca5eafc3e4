"""True values of policies in a simulated shop, by exact expectation.

A policy is its probabilities by state and action, float64 [STATES, k] (`shop_policies` makes them).
"""

from typing import NamedTuple

import numpy as np

from trainer.simulation.recursion import settled
from trainer.simulation.session_states import LEAVE, STATES, Ints
from trainer.simulation.shop import Shop
from trainer.simulation.step_model import Floats


def session_values(shop: Shop, shares: Floats, discount: float = 1.0) -> Floats:
    """Expected reward from each state to the session's end, [STATES].

    Raises SimulationError (`Shop.check`).
    """
    shop.check(shares)
    reward, (weights, follow) = (shares * shop.rewards).sum(axis=1), _moves(shop, shares)

    def sweep(values: Floats, rows: Ints) -> Floats:
        return np.asarray(reward[rows] + discount * (weights[rows] * values[follow[rows]]).sum(axis=1))

    return settled(sweep)


def session_value(shop: Shop, shares: Floats) -> float:
    """Expected reward of a session."""
    return float(shop.shoppers.start @ session_values(shop, shares))


def action_values(shop: Shop, values: Floats, rows: Ints | None = None) -> Floats:
    """Expected reward of each action and of what follows, given the values of states, [rows, k]."""
    rows = np.arange(STATES) if rows is None else rows
    later = (shop.shoppers.dwells[rows, None] * values[shop.follow[rows]]).sum(axis=3)
    moves = shop.outcomes.events[rows, :, :LEAVE] * later[:, shop.serving]
    return np.asarray(shop.rewards[rows] + moves.sum(axis=2))


def best_of(shop: Shop, scores: Floats) -> Floats:
    """The policy that takes the allowed action with the highest score [STATES, k]."""
    best = np.where(shop.allowed, scores, -np.inf).argmax(axis=1)
    return np.asarray(np.eye(shop.allowed.shape[1])[best])


class Optimum(NamedTuple):
    """The best policy that sees the state, and its expected reward of a session."""

    shares: Floats
    value: float


def optimum(shop: Shop) -> Optimum:
    """By value iteration: no policy has a higher value within the caps."""

    def sweep(values: Floats, rows: Ints) -> Floats:
        scores = np.where(shop.allowed[rows], action_values(shop, values, rows), -np.inf)
        return np.asarray(scores.max(axis=1))

    values = settled(sweep)
    return Optimum(best_of(shop, action_values(shop, values)), float(shop.shoppers.start @ values))


class OneDecision(NamedTuple):
    """The contextual-bandit form: one decision at a click that is drawn from the shop's clicks when nothing
    is served; the reward is that of the session from there on, with nothing served later.

    `weights` [STATES] are the probabilities of the decision's states, `rewards` [STATES, k] exact
    expectations.
    """

    weights: Floats
    rewards: Floats

    def value(self, shares: Floats) -> float:
        """The true value of a policy [STATES, k]."""
        return float(self.weights @ (shares * self.rewards).sum(axis=1))


def one_decision(shop: Shop) -> OneDecision:
    """The bandit problem of a shop."""
    nothing = never(shop)
    visits = occupancy(shop, nothing)
    return OneDecision(visits / visits.sum(), action_values(shop, session_values(shop, nothing)))


def never(shop: Shop) -> Floats:
    """The policy that serves nothing."""
    return np.tile((np.arange(len(shop.serving)) == shop.actions.none).astype(np.float64), (STATES, 1))


def occupancy(shop: Shop, shares: Floats) -> Floats:
    """Expected clicks of a session in each state, [STATES]."""
    weights, follow = _moves(shop, shares)
    now: Floats = shop.shoppers.start
    total = now
    while now.sum() > 1e-9:
        came = np.bincount(follow.ravel(), (weights * now[:, None]).ravel(), STATES)
        now = np.asarray(came, dtype=np.float64)
        total = total + now
    return total


def _moves(shop: Shop, shares: Floats) -> tuple[Floats, Ints]:
    """Probabilities of the moves of each state, [STATES, 27], and where they lead."""
    chances = shares[:, :, None] * shop.outcomes.events[:, :, :LEAVE]
    served = np.stack([chances[:, shop.serving == one].sum(axis=1) for one in range(3)], axis=1)
    moves = served[:, :, :, None] * shop.shoppers.dwells[:, None]
    return moves.reshape(STATES, -1), shop.follow.reshape(STATES, -1)
