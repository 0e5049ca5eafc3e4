"""What shoppers do by themselves: the next event of a session given its state, fitted on a log.

A Markov model over the states. Counts are smoothed towards ever coarser descriptions of the state (Jelinek
and Mercer 1980), so a state that the log hardly has gets what similar states did.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.simulation.log_steps import LogSteps
from trainer.simulation.session_states import LEAVE, SIZES, STATES, Attributes, Ints, every

Floats = NDArray[np.float64]

#: Descriptions of a state, from the coarsest; each one is smoothed towards the one before it.
LEVELS: Final = (
    ("event",),
    ("event", "carts"),
    ("event", "carts", "click"),
    ("event", "carts", "click", "dwell"),
    ("event", "carts", "click", "dwell", "segment", "price"),
)
DWELL_LEVELS: Final = (("event",), ("event", "dwell"))
#: How many sightings the coarser description counts as.
WEIGHT: Final = 30.0


@dataclass(frozen=True)
class StepModel:
    """Shoppers of a log.

    start: probability of each state at a session's first click, float64 [STATES].
    events: of each next event, leaving the last, float64 [STATES, 4].
    dwells: of each dwell bucket given state and next event, float64 [STATES, 3, 3].
    value: mean price of an item by price band, in currency units.
    """

    start: Floats
    events: Floats
    dwells: Floats
    value: tuple[float, float, float]

    @classmethod
    def fit(cls, steps: LogSteps) -> "StepModel":
        """From the steps of a log."""
        counts = np.bincount(steps.now.states(), steps.first, STATES)
        events = _smoothed(steps.now, steps.event, LEAVE + 1, LEVELS)
        dwells = np.stack([_dwells(steps, event) for event in range(LEAVE)], axis=1)
        return cls(counts / counts.sum(), events, dwells, steps.value)

    def log_loss(self, steps: LogSteps) -> float:
        """Mean negative log likelihood (nats) of the next events of steps."""
        chances = self.events[steps.now.states(), steps.event]
        return float(-np.log(chances).mean())


def _dwells(steps: LogSteps, event: int) -> Floats:
    came = steps.event == event
    now = Attributes(*(digit[came] for digit in steps.now))
    return _smoothed(now, steps.dwell[came], SIZES["dwell"], DWELL_LEVELS)


def _smoothed(now: Attributes, outcome: Ints, outcomes: int, levels: tuple[tuple[str, ...], ...]) -> Floats:
    """Probabilities of outcomes by state, [STATES, outcomes]; all above 0."""
    states = every()
    chances = np.full((STATES, outcomes), 1 / outcomes)
    for names in levels:
        groups = _group(states, names)
        size = int(np.prod([SIZES[name] for name in names]))
        cells = np.bincount(_group(now, names) * outcomes + outcome, minlength=size * outcomes)
        counts = cells.reshape(size, outcomes)[groups]
        total = counts.sum(axis=1, keepdims=True)
        chances = (counts + WEIGHT * chances) / (total + WEIGHT)
    return chances


def _group(of: Attributes, names: tuple[str, ...]) -> Ints:
    digits = tuple(getattr(of, name) for name in names)
    return np.asarray(np.ravel_multi_index(digits, tuple(SIZES[name] for name in names)), dtype=np.int64)
