"""What a simulated shopper does after a live decision: the assumed effects, on the decision's own context."""

from bisect import bisect
from typing import NamedTuple

import numpy as np

from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from trainer.simulation.action_effects import ActionEffects
from trainer.simulation.session_states import PRICES, Attributes, Ints
from trainer.simulation.shopper_intents import (
    COMPARES_FROM,
    COMPARING,
    EXPLORING,
    HESITATING,
    INTENTS,
    READY,
)

#: Purchase probability from which a live session with a cart counts as ready to buy.
READY_FROM = 0.5
#: Cart values (currency units) that part the price bands of a live session.
BANDS = (50.0, 200.0)


class Reaction(NamedTuple):
    """Whether the shopper saw the action, and clicked it."""

    shown: bool
    clicked: bool


class Reactions:
    """Reactions to decisions on these actions.

    A live context says less than a simulated state: intent and price band are guessed from it, the segment is
    that of new shoppers, and how many actions were served before is not known.
    """

    def __init__(self, actions: ActionSet, effects: ActionEffects) -> None:
        self._seen = effects.seen
        self._places = {name: place for place, name in enumerate(actions.names)}
        intents, bands = np.divmod(np.arange(len(INTENTS) * len(PRICES)), len(PRICES))
        clicks = effects.click(actions.actions, _attributes(bands), intents)
        self._clicks = clicks.reshape(len(INTENTS), len(PRICES), len(actions.names)).tolist()

    def click(self, context: Context, action: str) -> float:
        """Probability that the action is clicked once it was seen; 0 for one that the set does not have."""
        place = self._places.get(action)
        if place is None:
            return 0.0
        chance: float = self._clicks[intent_of(context)][_band(context)][place]
        return chance

    def react(self, context: Context, action: str, seen: float, clicks: float) -> Reaction:
        """The reaction that two uniform numbers draw."""
        shown = action in self._places and seen < self._seen
        return Reaction(shown, shown and clicks < self.click(context, action))


def intent_of(context: Context) -> int:
    """The intent state (position in `shopper_intents.INTENTS`) that a live context looks like."""
    if context.cart_milli > 0:
        return READY if context.purchase_probability >= READY_FROM else HESITATING
    return COMPARING if context.click >= COMPARES_FROM else EXPLORING


def _band(context: Context) -> int:
    return bisect(BANDS, context.cart_milli / 1000)


def _attributes(bands: Ints) -> Attributes:
    """Of new shoppers in these price bands, who were served nothing yet."""
    zeros = np.zeros_like(bands)
    return Attributes(zeros, zeros, zeros, zeros, zeros, bands, zeros, zeros)
