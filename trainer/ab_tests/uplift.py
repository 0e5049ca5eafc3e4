"""Whether to treat at all: the effect of treatment on each visitor, learned from an experiment.

- T-learner (Kunzel et al. 2019, "Metalearners for estimating heterogeneous treatment effects"): one model of
  the outcome for treated visitors, one for untreated ones; the uplift is their difference.
- DR-learner (Kennedy 2020, "Towards optimal doubly robust estimation of heterogeneous causal effects"):
  doubly robust pseudo-outcomes, whose nuisance models have not seen the visitor, and one model of these. The
  propensity is known here, because the experiment assigned it.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: Predicts [m] from features [m, d].
Model = Callable[[Floats], Floats]
#: Learns a model from features [n, d] and targets [n].
Learner = Callable[[Floats, Floats], Model]
#: Learns uplifts from features [n, d], outcomes [n], treatment [n] and the probability of treatment.
UpliftLearner = Callable[[Floats, Floats, Bools, float], Model]

_RIDGE: Final = 1.0
FOLDS: Final = 5


def ridge(features: Floats, targets: Floats) -> Model:
    """Linear regression on standardised features, drawn to the mean with the weight of one visitor."""
    centre, mean = features.mean(0), targets.mean()
    scale = np.where(features.std(0) > 0, features.std(0), 1.0)
    known = (features - centre) / scale
    weights = np.linalg.solve(known.T @ known + _RIDGE * np.eye(known.shape[1]), known.T @ (targets - mean))
    return lambda rows: mean + (rows - centre) / scale @ weights


def trees(features: Floats, targets: Floats) -> Model:
    """Boosted trees (LightGBM), small: 60 trees of at most 8 leaves with 50 visitors each."""
    import lightgbm

    settings = {"objective": "l2", "num_leaves": 8, "min_data_in_leaf": 50, "learning_rate": 0.05}
    quiet = {"verbosity": -1, "deterministic": True, "seed": 0, "num_threads": 1, "force_row_wise": True}
    data = lightgbm.Dataset(features, targets, params=quiet)
    model = lightgbm.train(settings | quiet, data, num_boost_round=60)
    return lambda rows: np.asarray(model.predict(rows), dtype=np.float64)


def t_learner(learn: Learner = ridge) -> UpliftLearner:
    """The difference of two models, one of each group."""

    def fit(features: Floats, outcomes: Floats, treated: Bools, propensity: float) -> Model:
        _check(features, outcomes, treated, propensity)
        with_it, without = (learn(features[group], outcomes[group]) for group in (treated, ~treated))
        return lambda rows: with_it(rows) - without(rows)

    return fit


def dr_learner(learn: Learner = ridge, final: Learner | None = None, seed: int = 0) -> UpliftLearner:
    """`learn` models the outcomes, `final` (the same by default) the pseudo-outcomes."""

    def fit(features: Floats, outcomes: Floats, treated: Bools, propensity: float) -> Model:
        _check(features, outcomes, treated, propensity)
        return (final or learn)(
            features, pseudo_outcomes(features, outcomes, treated, propensity, learn, seed)
        )

    return fit


def pseudo_outcomes(
    features: Floats, outcomes: Floats, treated: Bools, propensity: float, learn: Learner, seed: int = 0
) -> Floats:
    """Doubly robust effects [n], cross-fitted in FOLDS parts; their mean estimates the average effect."""
    folds = np.random.default_rng(seed).permutation(len(outcomes)) % FOLDS
    effects = np.empty(len(outcomes))
    for fold in range(FOLDS):
        here, rest = folds == fold, folds != fold
        with_it, without = (
            learn(features[rest & group], outcomes[rest & group])(features[here])
            for group in (treated, ~treated)
        )
        got, hit = outcomes[here], treated[here]
        residual = np.where(hit, (got - with_it) / propensity, -(got - without) / (1 - propensity))
        effects[here] = with_it - without + residual
    return effects


def _check(features: Floats, outcomes: Floats, treated: Bools, propensity: float) -> None:
    if not 0 < propensity < 1:
        raise ValueError(f"propensity {propensity}; expected between 0 and 1: both groups must exist")
    if min(treated.sum(), (~treated).sum()) < 2 * FOLDS:
        raise ValueError(
            f"{treated.sum()} treated and {(~treated).sum()} untreated visitors; expected at least "
            f"{2 * FOLDS} of each; wait for more"
        )
    if not (np.isfinite(features).all() and np.isfinite(outcomes).all()):
        raise ValueError("features or outcomes are not finite; leave out or fill in those rows")
