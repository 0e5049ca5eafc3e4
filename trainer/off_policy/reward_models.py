"""Models of the reward of an action in a context: the `direct` part of estimators. All are scikit-learn's or
LightGBM's.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Most columns of a linear model with a slope of its own for each action.
_MOST_COLUMNS = 3000


class RewardRows(NamedTuple):
    """Decisions to learn from: context [n, d], action [n] among `actions`, reward [n]."""

    context: Floats
    action: NDArray[np.int64]
    reward: Floats
    actions: int

    @property
    def is_binary(self) -> bool:
        """Whether every reward is 0 or 1, so that its mean is a probability."""
        return bool(np.isin(self.reward, (0.0, 1.0)).all())


class MeanRewards(Protocol):
    """A fitted model."""

    def expected(self, context: Floats) -> Floats:
        """Mean reward of every action in each context, float64 [n, k]."""
        ...


Fit = Callable[[RewardRows], MeanRewards]
#: Decisions that a mean of an action is drawn to the mean of all by.
_PRIOR = 20.0


class Means:
    """The mean reward of each action, drawn towards that of all; it looks at no context."""

    def __init__(self, given: RewardRows) -> None:
        count = np.bincount(given.action, minlength=given.actions)
        total = np.bincount(given.action, given.reward, minlength=given.actions)
        self._means = (total + _PRIOR * given.reward.mean()) / (count + _PRIOR)

    def expected(self, context: Floats) -> Floats:
        """See `MeanRewards`."""
        return np.broadcast_to(self._means, (len(context), len(self._means))).copy()


class ByColumn:
    """A model of scikit-learn on `[context, action, context x action]`, or without the last if it is wide."""

    def __init__(self, model: Any, given: RewardRows) -> None:
        self._actions, width = given.actions, given.context.shape[1]
        self._crossed = width > 0 and (width + 1) * given.actions <= _MOST_COLUMNS
        self._model = model.fit(self._row(given.context, given.action), given.reward)

    def expected(self, context: Floats) -> Floats:
        """See `MeanRewards`."""
        found = np.empty((len(context), self._actions))
        for action in range(self._actions):
            found[:, action] = mean_of(self._model, self._row(context, np.full(len(context), action)))
        return found

    def _row(self, context: Floats, action: NDArray[np.int64]) -> Any:
        from scipy import sparse

        own = sparse.csr_array(
            (np.ones(len(action)), (np.arange(len(action)), action)), shape=(len(action), self._actions)
        )
        plain = [sparse.csr_array(context), own]
        if not self._crossed:
            return sparse.hstack(plain, format="csr")
        return sparse.hstack([*plain, _crossed(context, action, self._actions)], format="csr")


def _crossed(context: Floats, action: NDArray[np.int64], actions: int) -> Any:
    """The context in the columns of the row's action, sparse [n, d k]."""
    from scipy import sparse

    rows, width = context.shape
    columns = action[:, None] * width + np.arange(width)
    index = np.arange(0, rows * width + 1, width)
    return sparse.csr_array((context.ravel(), columns.ravel(), index), shape=(rows, width * actions))


def mean_of(model: Any, rows: Any) -> Floats:
    """The mean that a regression predicts, or the probability of 1 of a classifier, [n]."""
    if not hasattr(model, "predict_proba"):
        found: Floats = np.asarray(model.predict(rows), dtype=np.float64)
        return found
    if len(model.classes_) == 1:
        return np.full(rows.shape[0], float(model.classes_[0]))
    chance: Floats = model.predict_proba(rows)[:, list(model.classes_).index(1)]
    return chance


class RewardTrees:
    """Boosted trees of LightGBM on the context and the action's number as a category."""

    def __init__(self, given: RewardRows) -> None:
        import lightgbm

        make = lightgbm.LGBMClassifier if given.is_binary else lightgbm.LGBMRegressor
        self._actions = given.actions
        self._model = make(**_TREES).fit(
            _with_action(given.context, given.action), given.reward, categorical_feature=[0]
        )

    def expected(self, context: Floats) -> Floats:
        """See `MeanRewards`."""
        every = [np.full(len(context), action) for action in range(self._actions)]
        return np.column_stack([mean_of(self._model, _with_action(context, one)) for one in every])


_TREES: Final[Mapping[str, Any]] = {
    "n_estimators": 150,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_child_samples": 20,
    "cat_smooth": 20,
    "min_data_per_group": 5,
    "subsample": 0.8,
    "subsample_freq": 1,
    "reg_lambda": 5.0,
    "n_jobs": 1,
    "deterministic": True,
    "random_state": 0,
    "verbose": -1,
}


def _with_action(context: Floats, action: NDArray[np.int64]) -> Floats:
    return np.column_stack([action.astype(np.float64), context])


def linear(given: RewardRows) -> MeanRewards:
    """Logistic regression where every reward is 0 or 1, else ridge; Means where all rewards are the same."""
    return _linear(given, 1.0)


def shrunk_linear(given: RewardRows) -> MeanRewards:
    """As `linear`, with a penalty 30 times as strong: for rewards that are rare."""
    return _linear(given, 30.0)


def _linear(given: RewardRows, penalty: float) -> MeanRewards:
    from sklearn.linear_model import LogisticRegression, Ridge

    if np.ptp(given.reward) == 0:
        return Means(given)
    if given.is_binary:
        return ByColumn(LogisticRegression(C=1 / penalty, max_iter=500), given)
    return ByColumn(Ridge(alpha=10 * penalty, solver="sparse_cg"), given)


def ridge(given: RewardRows) -> MeanRewards:
    """Ridge regression, whatever the rewards are."""
    from sklearn.linear_model import Ridge

    return ByColumn(Ridge(alpha=10.0, solver="sparse_cg"), given)


def trees(given: RewardRows) -> MeanRewards:
    """See `RewardTrees`; Means where all rewards are the same."""
    return Means(given) if np.ptp(given.reward) == 0 else RewardTrees(given)


REWARD_MODELS: Final[Mapping[str, Fit]] = {
    "means": Means,
    "linear": linear,
    "shrunk_linear": shrunk_linear,
    "ridge": ridge,
    "trees": trees,
}
#: Those that the choice by held-out error tries.
CHOICE: Final = ("means", "shrunk_linear", "linear", "trees")
