"""Logistic regression on the normalised feature row."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.features.tree_columns import USED
from trainer.baselines.baseline_kinds import Probabilities, State, sigmoid
from trainer.examples.examples import Examples


def learn(train: Examples, _valid: Examples) -> State:
    """Mean and standard deviation of each feature, and the weights `[F]` and bias."""
    features = train.features[train.judged] * USED
    mean, std = features.mean(0), np.maximum(features.std(0), 1e-3)
    line = LogisticRegression(C=0.1, max_iter=100, tol=1e-3)
    line.fit((features - mean) / std, train.buys[train.judged])
    return {"mean": mean, "std": std, "weights": line.coef_[0], "bias": float(line.intercept_[0])}


def predict(state: State, examples: Examples) -> Probabilities:
    """Purchase probabilities `[N]`."""
    inputs = (examples.features * USED - state["mean"]) / state["std"]
    return sigmoid(inputs @ state["weights"] + state["bias"])
