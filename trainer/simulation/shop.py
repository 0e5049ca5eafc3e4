"""A simulated shop: shoppers of a step model, actions, assumed effects and a reward make a Markov decision
process whose tables are all known.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.decisions.actions import ActionSet
from trainer.simulation import session_states as at
from trainer.simulation.action_effects import NOTHING, ActionEffects
from trainer.simulation.log_steps import SimulationError, steps_of
from trainer.simulation.recursion import settled
from trainer.simulation.shopper_intents import intents
from trainer.simulation.state_context import context_of
from trainer.simulation.step_model import Floats, StepModel
from trainer.simulation.step_outcomes import StepOutcomes


@dataclass(frozen=True)
class StepReward:
    """Reward of a step in currency units: `click` for a click on the action, `margin` as a share of what is
    bought, less `cost` times the action's cost for each time it was served.

    A purchase right after a purchase is a further item of one order, and earns nothing of its own: a few
    large orders would hide what actions do.
    """

    click: float = 1.0
    margin: float = 0.05
    cost: float = 1.0


@dataclass(frozen=True)
class Shop:
    """Shoppers, the placement's actions, the assumed effects and the reward. All arrays are over the STATES
    states and the k actions.
    """

    shoppers: StepModel
    actions: ActionSet
    effects: ActionEffects = field(default_factory=ActionEffects)
    mix: StepReward = field(default_factory=StepReward)

    @classmethod
    def fit(
        cls,
        log: pl.DataFrame,
        actions: ActionSet,
        effects: ActionEffects | None = None,
        mix: StepReward | None = None,
    ) -> "Shop":
        """Shoppers fitted on a log in the contract's columns. Raises SimulationError for too short a log."""
        return cls(StepModel.fit(steps_of(log)), actions, effects or ActionEffects(), mix or StepReward())

    @cached_property
    def attributes(self) -> at.Attributes:
        """Of all states."""
        return at.every()

    @cached_property
    def purchase(self) -> Floats:
        """Probability that the session buys from each state on, with nothing served and no offer open."""
        events, follow = self.shoppers.events, self.follow[:, 0]

        def sweep(chance: Floats, rows: at.Ints) -> Floats:
            later = (self.shoppers.dwells[rows] * chance[follow[rows]]).sum(axis=2)
            unsold = events[rows, : at.PURCHASE] * later[:, : at.PURCHASE]
            return np.asarray(events[rows, at.PURCHASE] + unsold.sum(axis=1))

        return settled(sweep)

    @cached_property
    def intent(self) -> at.Ints:
        """Positions in INTENTS."""
        return intents(self.attributes, self.purchase)

    @cached_property
    def outcomes(self) -> StepOutcomes:
        """Probabilities of what happens next."""
        return StepOutcomes.of(self.shoppers.events, self.effects, self.actions, self.attributes, self.intent)

    @cached_property
    def worth(self) -> Floats:
        """What a purchase in each state earns."""
        of, value = self.attributes, np.array(self.shoppers.value)
        items = np.maximum(1, of.carts) * (of.event != at.PURCHASE)
        return np.asarray(self.mix.margin * value[of.price] * items)

    @cached_property
    def costs(self) -> Floats:
        """What serving each action costs, [k]."""
        return self.mix.cost * np.array([action.cost or 0.0 for action in self.actions.actions])

    @cached_property
    def rewards(self) -> Floats:
        """Expected reward of one step, [STATES, k]."""
        bought = self.outcomes.events[:, :, at.PURCHASE] * self.worth[:, None]
        return self.mix.click * self.outcomes.clicked + bought - self.costs

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """Actions within the caps, [STATES, k]: three actions a session, and one of those with a cost."""
        served = self.attributes.served[:, None] < at.MOST_SERVED
        offered = self.attributes.offered[:, None] == 0
        return np.asarray((self.serving == 0) | (served & (offered | (self.serving == 1))))

    @cached_property
    def context(self) -> pl.DataFrame:
        """What a policy may see of each state, a row each."""
        return context_of(self.attributes, self.purchase, self.intent, self.shoppers.value)

    @cached_property
    def serving(self) -> at.Ints:
        """What an action does to the state, [k]: 0 nothing, 1 counted as served, 2 with an offer opened."""
        found = self.actions.actions
        return np.array([(one.kind != NOTHING) + (one.kind != NOTHING and one.costly) for one in found])

    @cached_property
    def follow(self) -> at.Ints:
        """The next state by `serving`, event and dwell, [STATES, 3, 3, 3]."""
        now = at.Attributes(*(digit[:, None, None, None] for digit in self.attributes))
        served = np.arange(3)[:, None, None]
        events, dwells = np.arange(3)[:, None], np.arange(3)
        return at.following(now, events, dwells, np.minimum(served, 1), served // 2).states()

    def check(self, shares: Floats) -> None:
        """Raises SimulationError unless shares [STATES, k] are a policy that keeps to what is allowed."""
        if shares.shape != self.rewards.shape or not np.allclose(shares.sum(axis=1), 1, atol=1e-9):
            raise SimulationError(
                f"the policy gave probabilities of shape {shares.shape}; expected {self.rewards.shape} and "
                "rows that sum to 1: correct the policy"
            )
        if (shares[~self.allowed] > 0).any():
            raise SimulationError(
                "the policy gave a masked action a probability above 0; expected 0: correct the policy"
            )
