"""Gradient-boosted trees (Ke et al. 2017, LightGBM), regularised: the strongest baseline for
purchase intent.
"""

from typing import Any

import lightgbm
import numpy as np
import torch
from numpy.typing import NDArray

from models.features.tree_columns import ColumnTable
from trainer.baselines.baseline_kinds import Probabilities, State, sigmoid
from trainer.examples.examples import Examples
from trainer.fitting.boosting import SHARED
from trainer.fitting.calibrate import platt

TREES = SHARED | {
    "num_leaves": 31,
    "learning_rate": 0.03,
    "min_data_in_leaf": 500,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
}
#: Most rounds; those with the lowest validation loss are kept, since on a short log 500 are too many.
#: (Average precision on one week of validation can be best after six.)
ROUNDS, PATIENCE = 500, 100


def learn(train: Examples, valid: Examples) -> State:
    """The common category names and the trees in LightGBM's text format, with Platt scaling from `valid`."""
    table = ColumnTable.learn(train.codes, train.features)
    bought = valid.buys[valid.judged]
    # With one class in validation there is no criterion for early stopping.
    stop = [lightgbm.early_stopping(PATIENCE, verbose=False)] if 0 < bought.sum() < len(bought) else []
    judged = [_dataset(table, valid)] if stop else []
    booster = lightgbm.train(_settings(), _dataset(table, train), ROUNDS, judged, callbacks=stop)
    state = {"ranks": table.ranks, "trees": booster.model_to_string(num_iteration=booster.best_iteration)}
    raw = logits(state, valid)[valid.judged].astype(np.float32)
    slope, shift = platt(raw, bought.astype(np.float32))
    return state | {"slope": slope, "shift": shift}


def refit(state: State, every: Examples) -> State:
    """The same number of trees, trained on all clicks."""
    table = ColumnTable.learn(every.codes, every.features)
    rounds = lightgbm.Booster(model_str=state["trees"]).num_trees()
    booster = lightgbm.train(_settings(), _dataset(table, every), rounds)
    return state | {"ranks": table.ranks, "trees": booster.model_to_string()}


def _settings() -> dict[str, Any]:
    # The number of threads does not change the trees; more threads than free cores only wait for each other.
    return TREES | {"num_threads": torch.get_num_threads()}


def _dataset(table: ColumnTable, grouped: Examples) -> lightgbm.Dataset:
    return lightgbm.Dataset(table(grouped.batch()), grouped.buys.astype(np.float32))


def predict(state: State, examples: Examples) -> Probabilities:
    """Purchase probabilities `[N]` of grouped clicks, calibrated in the same way as the network's."""
    return sigmoid(logits(state, examples) * state["slope"] + state["shift"])


def logits(state: State, examples: Examples) -> NDArray[np.float64]:
    """Uncalibrated logits `[N]` of grouped clicks."""
    booster, columns = (
        lightgbm.Booster(model_str=state["trees"]),
        ColumnTable(state["ranks"])(examples.batch()),
    )
    return np.asarray(booster.predict(columns, raw_score=True, num_threads=torch.get_num_threads()))
