"""Probabilities of what comes after an action in each state: unseen, seen, or clicked."""

from typing import NamedTuple

import numpy as np

from models.decisions.actions import ActionSet
from trainer.simulation.action_effects import ActionEffects
from trainer.simulation.session_states import LEAVE, Attributes, Ints
from trainer.simulation.step_model import Floats


class StepOutcomes(NamedTuple):
    """By state and action. `clicked` [n, k] counts the unseen as well; events are [n, 4] or [n, k, 4].

    `unseen`, `seen` (but not clicked) and `after_click` are the next event's probabilities in each case,
    `events` those of all cases together.
    """

    clicked: Floats
    unseen: Floats
    seen: Floats
    after_click: Floats
    events: Floats

    @classmethod
    def of(
        cls, natural: Floats, effects: ActionEffects, actions: ActionSet, states: Attributes, intent: Ints
    ) -> "StepOutcomes":
        """From what shoppers do by themselves, [n, 4], and the effects of actions."""
        unseen = _shifted(natural, effects.open_offer(states))
        shifts = effects.shifts(actions.actions, states, intent)
        seen = _shifted(unseen[:, None], shifts)
        clicked = shifts.copy()
        clicked[:, :, LEAVE] += effects.clicked_leave
        after_click = _shifted(unseen[:, None], clicked)
        click = effects.click(actions.actions, states, intent)
        viewed = np.array([effects.seen if one.kind != "none" else 0.0 for one in actions.actions])
        mixed = seen + click[:, :, None] * (after_click - seen)
        events = unseen[:, None] + viewed[:, None] * (mixed - unseen[:, None])
        return cls(viewed * click, unseen, seen, after_click, events)


def _shifted(chances: Floats, shifts: Floats) -> Floats:
    """Probabilities after a change of log odds."""
    weights = chances * np.exp(shifts)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
