"""Naive Bayes over discretised columns (Dougherty, Kohavi, Sahami 1995), calibrated on validation.

One Gaussian for each column would be too weak a baseline: most columns are counts and flags that are nearly
always zero. Instead each column has one histogram for buyers and one for other visitors, with Laplace
smoothing. Categorical columns (page, last events) have one bin for each value.
"""

import numpy as np
from numpy.typing import NDArray

from models.features.tree_columns import ColumnTable
from trainer.baselines.baseline_kinds import Probabilities, State, sigmoid
from trainer.examples.examples import Examples
from trainer.fitting.calibrate import platt

#: Columns with more distinct values than this are divided at quantiles.
MOST_VALUES = 256
QUANTILES = 32
#: Pseudo-clicks added to each bin, divided between the classes by their overall shares.
SMOOTHING = 20.0
Floats = NDArray[np.float64]


def learn(train: Examples, valid: Examples) -> State:
    """Bin edges and the log likelihood ratio of each bin, concatenated over the columns; Platt scale and
    shift from `valid`.
    """
    state = _counted(train)
    logits = _logits(state, valid)[valid.judged].astype(np.float32)
    scale, shift = platt(logits, valid.buys[valid.judged].astype(np.float32))
    return state | {"scale": scale, "shift": shift}


def refit(state: State, every: Examples) -> State:
    """Bins counted on all clicks, with the Platt scaling that `state` has."""
    return state | _counted(every)


def _counted(train: Examples) -> State:
    # Counts of steps repeat each other, and Bayes takes columns for independent.
    table = ColumnTable.learn(train.codes, train.features, steps=False)
    columns, labels = table(train.batch())[train.judged], train.buys[train.judged]
    edges = [_edges(column) for column in columns.T]
    worths = [_worth(_binned(column, cuts), labels, len(cuts) + 1) for column, cuts in _zip(columns, edges)]
    return {
        "ranks": table.ranks,
        "edges": np.concatenate(edges),
        "sizes": np.array([len(cuts) for cuts in edges]),
        "worth": np.concatenate(worths),
        "prior": float(np.log(labels.mean() / (1 - labels.mean()))),
    }


def predict(state: State, examples: Examples) -> Probabilities:
    """Purchase probabilities `[N]` of grouped clicks."""
    return sigmoid(_logits(state, examples) * state["scale"] + state["shift"])


def _logits(state: State, examples: Examples) -> Floats:
    columns, sizes = ColumnTable(state["ranks"])(examples.batch()), state["sizes"]
    edges = np.split(state["edges"], np.cumsum(sizes)[:-1])
    worths = np.split(state["worth"], np.cumsum(sizes + 1)[:-1])
    logits = np.full(len(columns), state["prior"], dtype=np.float64)
    for (column, cuts), worth in zip(_zip(columns, edges), worths, strict=True):
        logits += worth[_binned(column, cuts)]
    return logits


def _zip(
    columns: NDArray[np.float32], edges: list[NDArray[np.float32]]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    return list(zip(columns.T, edges, strict=True))


def _edges(column: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.unique(column)
    if len(values) > MOST_VALUES:
        values = np.unique(np.quantile(column, np.linspace(0, 1, QUANTILES + 1)).astype(np.float32))
    # Every value but the first starts a bin that reaches up to the next value.
    return values[1:]


def _binned(column: NDArray[np.float32], cuts: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.searchsorted(cuts, column, side="right")


def _worth(bins: NDArray[np.int64], labels: NDArray[np.bool_], size: int) -> Floats:
    """Log likelihood ratio of each bin."""
    share = labels.mean()
    bought = np.bincount(bins, labels, minlength=size) + SMOOTHING * share
    others = np.bincount(bins, ~labels, minlength=size) + SMOOTHING * (1 - share)
    ratio: Floats = np.log(bought / bought.sum()) - np.log(others / others.sum())
    return ratio
