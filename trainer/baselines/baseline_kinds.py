"""What a baseline for purchase intent is: how it learns a state, and what it says with one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.examples.examples import Examples

#: Purchase probabilities float32 [N].
Probabilities = NDArray[np.float32]
#: JSON values and arrays, nested: what is kept with a version.
State = dict[str, Any]


class Baseline(NamedTuple):
    """`learn(train, valid)`, `refit(state, every)` and `predict(state, examples)` take grouped clicks.

    `refit` learns from all clicks what `learn` did, as was chosen on validation; None where nothing is.

    `blocks`: a version that is behind it in the gate is not promoted. False for a baseline that is only shown
    beside the version, since nothing serves it. `needs_both`: cannot be learned from a log of one class.
    `threshold` is from where on it says "buys"; None takes the one with the best F1 on validation.
    """

    learn: Callable[[Examples, Examples], State]
    predict: Callable[[State, Examples], Probabilities]
    blocks: bool
    refit: Callable[[State, Examples], State] | None = None
    needs_both: bool = True
    threshold: float | None = None


def sigmoid(logits: NDArray[np.floating]) -> Probabilities:
    """Probabilities of logits; float64 inside, so that large ones do not overflow."""
    return (1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -30, 30)))).astype(np.float32)
