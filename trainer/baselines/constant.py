"""Constant baselines: the base rate, and the majority class."""

import numpy as np

from trainer.baselines.baseline_kinds import Probabilities, State
from trainer.examples.examples import Examples


def base_rate(train: Examples, _valid: Examples) -> State:
    """Share of judged clicks that a purchase follows; 0 without judged clicks."""
    labels = train.buys[train.judged]
    return {"rate": float(labels.mean()) if len(labels) else 0.0}


def majority(train: Examples, valid: Examples) -> State:
    """Rate 1 if a purchase follows most judged clicks, else 0."""
    return {"rate": float(base_rate(train, valid)["rate"] >= 0.5)}


def predict(state: State, examples: Examples) -> Probabilities:
    """The same rate for every click `[N]`."""
    return np.full(len(examples), state["rate"], dtype=np.float32)
