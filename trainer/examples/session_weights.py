"""Weights with which the sessions of a log count alike, however many clicks they have."""

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]


def session_weights(session: NDArray[np.int64], exponent: float) -> Weights:
    """Weights [N] of clicks by their sessions' numbers [N]: 1 / clicks ** exponent, with the mean 1.

    With 0 all clicks weigh the same, with 1 all sessions do.
    """
    if not len(session):
        return np.zeros(0, dtype=np.float32)
    _, inverse, clicks = np.unique(session, return_inverse=True, return_counts=True)
    weights = clicks[inverse].astype(np.float64) ** -exponent
    return np.asarray(weights / weights.mean(), dtype=np.float32)
