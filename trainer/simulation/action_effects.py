"""What actions do to shoppers: assumed, not measured, and every number of it is here.

An action that is seen changes the odds of the next events, by its kind and the shopper's intent state; it may
be clicked, which changes them again. Actions of one kind differ in how much they appeal to which segment and
price band, drawn from the effect model's seed.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from models.decisions.actions_file import Action
from trainer.simulation.session_states import CART, LEAVE, PRICES, PURCHASE, SEGMENTS, Attributes, Ints
from trainer.simulation.shopper_intents import INTENTS
from trainer.simulation.step_model import Floats


class KindEffect(NamedTuple):
    """Of a kind of actions, by intent in the order of INTENTS: log odds of a click once seen, and changes of
    the log odds of events once seen.
    """

    click: tuple[float, ...]
    cart: tuple[float, ...]
    buy: tuple[float, ...]
    leave: tuple[float, ...]


#: exploring, comparing, hesitating, ready, leaving, price-sensitive
KINDS: Final = {
    "ad": KindEffect(
        click=(-1.2, -2.0, -2.6, -3.2, -1.6, -2.2),
        cart=(0.0, 0.1, -0.2, -0.3, 0.1, 0.0),
        buy=(0.0, 0.0, -0.4, -0.7, 0.0, 0.0),
        leave=(-0.1, 0.0, 0.2, 0.3, -0.2, 0.0),
    ),
    "coupon": KindEffect(
        click=(-2.2, -1.6, -0.6, -0.4, -1.8, -0.8),
        cart=(0.2, 0.4, 0.0, 0.0, 0.2, 0.6),
        buy=(0.2, 0.4, 1.1, 0.1, 0.5, 0.9),
        leave=(0.0, -0.1, -0.6, 0.0, -0.5, -0.3),
    ),
    "free_shipping": KindEffect(
        click=(-2.6, -2.2, -1.0, -0.6, -2.4, -1.4),
        cart=(0.1, 0.2, 0.0, 0.0, 0.1, 0.3),
        buy=(0.1, 0.2, 0.8, 0.3, 0.2, 0.5),
        leave=(0.0, 0.0, -0.4, -0.1, -0.2, -0.2),
    ),
    "nudge": KindEffect(
        click=(-3.0, -2.0, -1.4, -0.8, -2.6, -2.2),
        cart=(0.0, 0.4, 0.0, 0.0, 0.0, 0.1),
        buy=(0.0, 0.1, 0.5, 0.8, -0.1, 0.0),
        leave=(0.3, 0.0, -0.1, -0.2, 0.3, 0.1),
    ),
}
NOTHING: Final = "none"


@dataclass(frozen=True)
class ActionEffects:
    """The assumed effects of actions.

    strength: factor of all changes of log odds.
    seen: share of served actions that the shopper sees.
    clicked_leave: change of the log odds of leaving after a click on the action.
    fatigue: for each action served before in the session, less log odds of a click and more of leaving.
    offer: change of the log odds of buying while an offer with a cost is open.
    appeal: spread (standard deviation, log odds of a click) of an action's appeal to a segment and price
        band.
    seed: draws the appeals.
    """

    strength: float = 1.5
    seen: float = 0.8
    clicked_leave: float = -0.8
    fatigue: float = 0.4
    offer: float = 0.6
    appeal: float = 0.5
    seed: int = 0

    def click(self, actions: tuple[Action, ...], of: Attributes, intent: Ints) -> Floats:
        """Probability of a click once seen, [n, k]; 0 for no action."""
        odds = self._by_kind(actions, intent, "click") - self.fatigue * of.served[:, None]
        chances = 1 / (1 + np.exp(-(odds + self._appeals(actions, of))))
        return np.asarray(chances * np.array([action.kind != NOTHING for action in actions]))

    def shifts(self, actions: tuple[Action, ...], of: Attributes, intent: Ints) -> Floats:
        """Changes of the log odds of the next events once seen, [n, k, 4]."""
        changes = np.zeros((len(intent), len(actions), LEAVE + 1))
        for event, name in ((CART, "cart"), (PURCHASE, "buy"), (LEAVE, "leave")):
            changes[:, :, event] = self.strength * self._by_kind(actions, intent, name)
        tired = self.fatigue * of.served[:, None] * np.array([one.kind != NOTHING for one in actions])
        changes[:, :, LEAVE] += tired
        return changes

    def open_offer(self, of: Attributes) -> Floats:
        """Changes of the log odds of the next events by an open offer, [n, 4]."""
        changes = np.zeros((len(of.offered), LEAVE + 1))
        changes[:, PURCHASE] = self.strength * self.offer * of.offered
        return changes

    def _by_kind(self, actions: tuple[Action, ...], intent: Ints, name: str) -> Floats:
        nothing = (0.0,) * len(INTENTS)
        rows = [getattr(KINDS[one.kind], name) if one.kind != NOTHING else nothing for one in actions]
        return np.array(rows, dtype=np.float64).T[intent]

    def _appeals(self, actions: tuple[Action, ...], of: Attributes) -> Floats:
        """By the action's place, so that a world with one action more has the same others."""
        drawn = [
            np.random.default_rng((self.seed, place)).normal(0, self.appeal, (len(SEGMENTS), len(PRICES)))
            for place in range(len(actions))
        ]
        return np.stack([appeal[of.segment, of.price] for appeal in drawn], axis=1)
