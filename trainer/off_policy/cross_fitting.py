"""Cross-fitting: the mean reward of a decision is predicted by a model that has not seen its visitor."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.off_policy.reward_models import CHOICE, REWARD_MODELS, Fit, RewardRows

Floats = NDArray[np.float64]
FOLDS: Final = 5
#: The reward model is chosen by its error on decisions that it has not seen.
AUTO: Final = "auto"


class Fitted(NamedTuple):
    """`expected` float64 [n, k]: mean reward of every action. `error`: mean squared error by model."""

    expected: Floats
    model: str
    error: dict[str, float]


def cross_fitted(logged: LoggedDecisions, model: str = AUTO, folds: int = FOLDS, seed: int = 0) -> Fitted:
    """Mean rewards by a model of REWARD_MODELS, or by that of CHOICE with the least held-out error.

    Folds divide visitors where they are known (Chernozhukov et al. 2018). A log of fewer decisions than
    folds is not divided: the mean of all rewards is expected.
    """
    fold = folds_of(logged, folds, seed)
    if fold is None:
        mean = np.full((len(logged), len(logged.actions)), float(logged.reward.mean()))
        return Fitted(mean, "mean", {})
    fitted = {name: held_out(logged, REWARD_MODELS[name], fold) for name in ([model], CHOICE)[model == AUTO]}
    error = {name: _error(logged, expected) for name, expected in fitted.items()}
    best = min(error, key=lambda name: error[name])
    return Fitted(fitted[best], best, error)


def folds_of(logged: LoggedDecisions, folds: int, seed: int) -> NDArray[np.int64] | None:
    """The fold of each decision, int64 [n]; None where there are too few visitors."""
    units = np.arange(len(logged)) if logged.visitor is None else logged.visitor
    codes = np.unique(units, return_inverse=True)[1]
    count = int(codes.max()) + 1
    if count < 2 * folds:
        return None
    return np.random.default_rng(seed).permutation(np.arange(count) % folds)[codes]


def held_out(logged: LoggedDecisions, fit: Fit, fold: NDArray[np.int64]) -> Floats:
    """Mean rewards [n, k], each by a model of the other folds; actions by position."""
    context, expected = logged.encoded.values, np.empty((len(logged), len(logged.actions)))
    for one in np.unique(fold):
        rest, own = fold != one, fold == one
        given = RewardRows(context[rest], logged.action[rest], logged.reward[rest], len(logged.actions))
        expected[own] = fit(given).expected(context[own])
    return expected


def _error(logged: LoggedDecisions, expected: Floats) -> float:
    taken = np.take_along_axis(expected, logged.action[:, None], axis=1)[:, 0]
    return float(((logged.reward - taken) ** 2).mean())
