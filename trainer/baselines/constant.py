"""The same answer to every click: how often people buy, and what most of them do."""

import numpy as np

from trainer.baselines.baseline_kinds import Probabilities, State
from trainer.examples.examples import Examples


def base_rate(train: Examples, _valid: Examples) -> State:
    """The share of judged clicks before a purchase; 0 of none."""
    labels = train.buys[train.judged]
    return {"rate": float(labels.mean()) if len(labels) else 0.0}


def majority(train: Examples, valid: Examples) -> State:
    """1 where most clicks are before a purchase, else 0."""
    return {"rate": float(base_rate(train, valid)["rate"] >= 0.5)}


def predict(state: State, examples: Examples) -> Probabilities:
    """The rate for everybody [N]."""
    return np.full(len(examples), state["rate"], dtype=np.float32)
