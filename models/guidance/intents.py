"""The intent state of a session as a decision reads it: a probability for each state of the head table.

A version with the head `intent_state` predicts them (`docs/models/heads.md` defines each state). Without it,
and below the neural fallback tier, they follow from what is known: the purchase probability and how far the
session has come.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import INTENT_INPUT, Stage
from models.contract.head_table import STATES

Floats = NDArray[np.float64]

#: The inputs of a policy that decides by intent state, in the order of STATES; together they sum to about 1.
INPUTS: Final = tuple(INTENT_INPUT + state for state in STATES)
#: Steps of a published probability.
_STEPS: Final = 10_000
_READY: Final = STATES.index("ready_to_buy")
_OTHERWISE: Final = {
    "browsing": STATES.index("exploring"),
    "cart": STATES.index("hesitating"),
    "checkout": STATES.index("hesitating"),
    "bought": STATES.index("done"),
}


def known_intents(purchase: Sequence[float] | Floats, stages: Sequence[Stage]) -> Floats:
    """Probabilities [n, states] where no head answers: ready to buy, or what the stage says."""
    chances = np.asarray(purchase, dtype=np.float64)
    found = np.zeros((len(chances), len(STATES)))
    found[np.arange(len(chances)), [_OTHERWISE[stage] for stage in stages]] = 1 - chances
    found[:, _READY] = chances
    return found


def published_intents(intents: NDArray[np.floating]) -> Floats:
    """The probabilities as they are decided from and recorded: four decimals."""
    return np.asarray(np.rint(np.nan_to_num(intents.astype(np.float64)) * _STEPS) / _STEPS)
