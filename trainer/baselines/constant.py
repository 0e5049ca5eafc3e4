"""The same answer to every click: how often people buy, and what most of them do."""

import numpy as np

from trainer.baselines.kinds import Chances, State
from trainer.examples import Examples


def base_rate(train: Examples, _valid: Examples) -> State:
    """The share of judged clicks before a purchase."""
    return {"rate": float(train.buys[train.judged].mean())}


def majority(train: Examples, _valid: Examples) -> State:
    """1 where most clicks are before a purchase, else 0."""
    return {"rate": float(train.buys[train.judged].mean() >= 0.5)}


def chances(state: State, examples: Examples) -> Chances:
    """The rate for everybody [N]."""
    return np.full(len(examples), state["rate"], dtype=np.float32)
