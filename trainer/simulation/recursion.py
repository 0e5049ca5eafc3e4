"""Backward recursion over a session's clicks: exact values of states."""

from collections.abc import Callable
from typing import Final

import numpy as np

from trainer.simulation.session_states import MOST_CLICKS, STATES, Ints, every
from trainer.simulation.step_model import Floats

#: Only the last click's states ("or later") lead to themselves; their values settle within so many sweeps.
MOST_SWEEPS: Final = 2_000
SETTLED: Final = 1e-11

#: New values of some states (their numbers), given the values of all.
Sweep = Callable[[Floats, Ints], Floats]


def settled(sweep: Sweep) -> Floats:
    """Values [STATES] that a sweep leaves as they are. The value of a session that was left is 0."""
    values, click = np.zeros(STATES), every().click
    last = np.flatnonzero(click == MOST_CLICKS - 1)
    for _ in range(MOST_SWEEPS):
        new = sweep(values, last)
        change = np.abs(new - values[last]).max()
        values[last] = new
        if change < SETTLED:
            break
    for level in reversed(range(MOST_CLICKS - 1)):
        rows = np.flatnonzero(click == level)
        values[rows] = sweep(values, rows)
    return values
