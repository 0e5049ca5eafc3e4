"""Ratings from neighbouring items: what this visitor gave to items rated alike (Sarwar et al. 2001).

Over the averages of visitors and items, shrunk to the mean of all (Koren 2010, "Factor in the neighbors").
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trainer.baselines.checks import BaselineError, finite
from trainer.baselines.kinds import State

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
#: Ratings' worth of shrinkage: of an average to the mean of all, and of a similarity to none.
SHRINKAGE, SUPPORT = 5.0, 10.0


class Ratings(NamedTuple):
    """R ratings `value` [R] of items 0..V-1 by visitors 0..U-1."""

    visitor: Ints
    item: Ints
    value: Floats


def learn(given: Ratings, visitors: int, items: int) -> State:
    """Averages, and the ratings' distances from them. The later of two ratings of one item counts.

    Raises BaselineError for none, or for what is not finite.
    """
    finite(given.value, "ratings")
    if not len(given.value):
        raise BaselineError("there is no rating; expected at least one to learn from")
    _, last = np.unique((given.visitor * items + given.item)[::-1], return_index=True)
    places = len(given.value) - 1 - last
    kept = Ratings(given.visitor[places], given.item[places], given.value[places])
    mean = float(kept.value.mean())
    of_items = _averages(kept.item, kept.value - mean, items)
    of_visitors = _averages(kept.visitor, kept.value - mean - of_items[kept.item], visitors)
    beyond = kept.value - mean - of_items[kept.item] - of_visitors[kept.visitor]
    return {
        "mean": mean,
        "range": [float(kept.value.min()), float(kept.value.max())],
        "items": of_items,
        "visitors": of_visitors,
        "visitor": kept.visitor,
        "item": kept.item,
        "beyond": beyond,
    }


def expected(state: State, visitor: Ints, item: Ints) -> NDArray[np.float32]:
    """What visitors [N] are expected to give items [N]; an unknown one (-1) counts as the average one."""
    of_items, of_visitors = np.append(state["items"], 0.0), np.append(state["visitors"], 0.0)
    shape = len(of_visitors), len(of_items)
    # The last row and column are of the unknown: they have no ratings.
    beyond = sparse.csr_matrix((state["beyond"], (state["visitor"], state["item"])), shape=shape)
    alike = _similarities(beyond)
    rated = beyond.copy()
    rated.data[:] = 1
    weights, theirs = alike[item], beyond[visitor]
    near = np.asarray(weights.multiply(theirs).sum(1)).ravel()
    total = np.asarray(abs(weights).multiply(rated[visitor]).sum(1)).ravel()
    found: Floats = state["mean"] + of_items[item] + of_visitors[visitor] + near / np.maximum(total, 1e-9)
    low, high = state["range"]
    return np.clip(found, low, high).astype(np.float32)


def _averages(place: Ints, values: Floats, count: int) -> Floats:
    sums = np.bincount(place, values, minlength=count)
    return np.asarray(sums / (np.bincount(place, minlength=count) + SHRINKAGE))


def _similarities(beyond: "sparse.csr_matrix") -> "sparse.csr_matrix":
    """Cosine of the items' ratings beyond the averages, shrunk where few visitors rated both."""
    rated = beyond.copy()
    rated.data[:] = 1
    products, both = (beyond.T @ beyond).tocoo(), (rated.T @ rated).tocsr()
    norms = np.sqrt(np.asarray(beyond.multiply(beyond).sum(0)).ravel())
    support = np.asarray(both[products.row, products.col]).ravel()
    scale = np.maximum(norms[products.row] * norms[products.col], 1e-9)
    values = products.data / scale * support / (support + SUPPORT)
    apart = products.row != products.col
    places = products.row[apart], products.col[apart]
    return sparse.csr_matrix((values[apart], places), shape=both.shape)
