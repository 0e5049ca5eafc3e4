"""Sessions of simulated shoppers under a policy, thousands at once.

Random numbers belong to the session and its step, not to the policy: two policies with one seed meet the same
shoppers (common random numbers), so their difference has less noise.
"""

from typing import NamedTuple

import numpy as np

from trainer.simulation.session_states import LEAVE, PURCHASE, Ints
from trainer.simulation.shop import Shop
from trainer.simulation.step_model import Floats

#: Sessions that have not ended by then are cut off; fewer than one in a million has so many clicks.
MOST_STEPS = 500


class SampledSteps(NamedTuple):
    """Decisions in order of step, then session; all [n].

    `clicked` is whether the action was clicked, `event` what came next, `worth` what a purchase earned (else
    0), `reward` the step's reward in currency units.
    """

    session: Ints
    step: Ints
    state: Ints
    action: Ints
    propensity: Floats
    clicked: Ints
    event: Ints
    worth: Floats
    reward: Floats

    def rows(self, at: Ints) -> "SampledSteps":
        """Some of the decisions, by position, in this order."""
        return SampledSteps(*(column[at] for column in self))  # type: ignore[arg-type]


def visits(shop: Shop, shares: Floats, sessions: int, seed: int) -> SampledSteps:
    """So many sessions from their first click on. Raises SimulationError (`Shop.check`)."""
    shop.check(shares)
    generator = np.random.default_rng(seed)
    start = _draw(np.cumsum(shop.shoppers.start)[None], generator.random(sessions))
    return roll(shop, start, [shares], generator)


def roll(shop: Shop, start: Ints, policies: list[Floats], generator: np.random.Generator) -> SampledSteps:
    """Sessions from these states; the policies are those of the first steps, the last one of all others."""
    sums = [np.cumsum(shares, axis=1) for shares in policies]
    state, session, found = start, np.arange(len(start)), list[SampledSteps]()
    while len(session) and len(found) < MOST_STEPS:
        at = min(len(found), len(policies) - 1)
        chance = generator.random((len(start), 4))[session]
        action = _draw(sums[at][state], chance[:, 0])
        clicked, event = _reactions(shop, state, action, chance[:, 1], chance[:, 2])
        found.append(_steps(shop, session, len(found), state, action, policies[at], clicked, event))
        stays = np.flatnonzero(event != LEAVE)
        state, action, event = state[stays], action[stays], event[stays]
        dwell = _draw(np.cumsum(shop.shoppers.dwells[state, event], axis=1), chance[stays, 3])
        state = shop.follow[state, shop.serving[action], event, dwell]
        session = session[stays]
    return SampledSteps(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _reactions(shop: Shop, state: Ints, action: Ints, seen: Floats, chance: Floats) -> tuple[Ints, Ints]:
    """Whether the action was clicked, and the next event. One number draws unseen, seen and clicked."""
    found = shop.outcomes
    click = seen < found.clicked[state, action]
    viewed = (seen < shop.effects.seen) & (shop.serving[action] > 0)
    chances = np.where(viewed[:, None], found.seen[state, action], found.unseen[state])
    chances = np.where(click[:, None], found.after_click[state, action], chances)
    return click.astype(np.int64), _draw(np.cumsum(chances, axis=1), chance)


def _steps(
    shop: Shop,
    session: Ints,
    step: int,
    state: Ints,
    action: Ints,
    shares: Floats,
    clicked: Ints,
    event: Ints,
) -> SampledSteps:
    worth = np.where(event == PURCHASE, shop.worth[state], 0.0)
    reward = shop.mix.click * clicked + worth - shop.costs[action]
    propensity = shares[state, action]
    return SampledSteps(
        session, np.full(len(session), step), state, action, propensity, clicked, event, worth, reward
    )


def _draw(sums: Floats, chance: Floats) -> Ints:
    """Positions drawn from running sums of probabilities, [n, m] or [1, m]."""
    if len(sums) == 1:
        drawn = np.searchsorted(sums[0], chance * sums[0, -1], side="right")
        return np.asarray(np.minimum(drawn, sums.shape[1] - 1), dtype=np.int64)
    return np.asarray((chance[:, None] * sums[:, -1:] >= sums).sum(axis=1), dtype=np.int64)


class Sampled(NamedTuple):
    """A value by simulation, and its standard error."""

    value: float
    error: float


def sampled_value(shop: Shop, shares: Floats, sessions: int, seed: int) -> Sampled:
    """Mean reward of a session."""
    steps = visits(shop, shares, sessions, seed)
    rewards = np.bincount(steps.session, steps.reward, sessions)
    return Sampled(float(rewards.mean()), float(rewards.std(ddof=1) / np.sqrt(sessions)))
