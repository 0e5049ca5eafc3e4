"""The interface of a baseline for purchase intent."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.examples.examples import Examples

#: Purchase probabilities float32 [N].
Probabilities = NDArray[np.float32]
#: A trained baseline as nested JSON values and arrays; it is stored with a version.
State = dict[str, Any]


class Baseline(NamedTuple):
    """One baseline: how it is trained, how it predicts, and what the gate may conclude from it.

    `learn(train, valid)`, `refit(state, every)` and `predict(state, examples)` take clicks grouped by
    session. `refit` trains on all clicks and keeps what validation chose in `state`, such as the number of
    trees; None where validation chooses nothing, then `learn` is called again.

    `blocks`: whether the gate refuses a version that is worse than this baseline. False for a baseline that
    is only reported, because nothing serves it. `needs_both`: it cannot be trained on a log with one class
    only. `threshold` is the probability from which it predicts "buys"; None takes the threshold with the best
    F1 on validation.
    """

    learn: Callable[[Examples, Examples], State]
    predict: Callable[[State, Examples], Probabilities]
    blocks: bool
    refit: Callable[[State, Examples], State] | None = None
    needs_both: bool = True
    threshold: float | None = None


def sigmoid(logits: NDArray[np.floating]) -> Probabilities:
    """Probabilities of logits; computed in float64 so that large logits do not overflow."""
    return (1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -30, 30)))).astype(np.float32)
