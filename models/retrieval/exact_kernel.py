"""The exact top-k of a query by compiled kernels: a query's answer depends on no other query of the chunk."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import EXP, EXP_LEAST, HALF, LN2_HIGH, LN2_LOW, LOG2_E, ONE, kernel

Floats = NDArray[np.float32]

#: Queries that read a part of the table together, and columns of such a part: both stay in the first cache.
QUERIES: Final = 8
COLUMNS: Final = 512
#: Sums that are added up side by side, as vector instructions do.
LANES: Final = 16


@kernel
def top(
    queries: Floats,
    columns: Floats,
    bias: Floats,
    current: NDArray[np.int64],
    items: NDArray[np.int32],
    scores: Floats,
) -> None:
    """Into `items` and `scores` [N, k] the best of V items by softmax of `queries` [N, E] x `columns` [E, V].

    `bias` [V] is added. The item on view, `current` [N] (-1: none), is part of the softmax and no answer.
    Best first, equal ones by index; -1 and 0 where there are no more.
    """
    logits = np.empty((QUERIES, len(bias)), np.float32)
    powers, parts = np.empty(len(bias), np.int32), np.empty(len(bias), np.float32)
    for start in range(0, len(queries), QUERIES):
        count = min(QUERIES, len(queries) - start)
        _logits(queries[start : start + count], columns, bias, logits)
        for row in range(count):
            _answer(logits[row], current[start + row], items[start + row], scores[start + row], powers, parts)


@kernel
def _logits(queries: Floats, columns: Floats, bias: Floats, logits: Floats) -> None:
    """Products of some queries with all items; the additions of each are in the order of E."""
    for left in range(0, len(bias), COLUMNS):
        right = min(left + COLUMNS, len(bias))
        for row in range(len(queries)):
            logits[row, left:right] = bias[left:right]
        for place in range(len(columns)):
            part = columns[place, left:right]
            for row in range(len(queries)):
                value, out = queries[row, place], logits[row, left:right]
                for column in range(len(part)):
                    out[column] += value * part[column]


@kernel
def _answer(
    logits: Floats,
    current: int,
    items: NDArray[np.int32],
    scores: Floats,
    powers: NDArray[np.int32],
    parts: Floats,
) -> None:
    """The k best of one query's logits as probabilities; the logits are changed, the last two are scratch."""
    highest, total = _softmax_sum(logits, powers, parts)
    if current >= 0:
        logits[current] = -np.inf
    found = _best(logits, items, scores)
    if not total > 0:  # a number that is none: the answer must not look like one
        scores[:] = np.nan
        found = len(scores)
    for place in range(found):
        scores[place] = np.float32(np.exp(np.float64(scores[place] - highest)) / total)
    items[found:] = -1
    scores[found:] = 0


@kernel
def _best(logits: Floats, items: NDArray[np.int32], values: Floats) -> int:
    """The highest logits above minus infinity, in order; how many there are."""
    found, most = 0, len(items)
    least = np.float32(-np.inf)
    for column in range(len(logits)):
        value = logits[column]
        if value > least:
            place = min(found, most - 1)
            while place > 0 and values[place - 1] < value:
                values[place], items[place] = values[place - 1], items[place - 1]
                place -= 1
            values[place], items[place] = value, column
            found = min(found + 1, most)
            if found == most:
                least = values[most - 1]
    return found


@kernel
def _softmax_sum(logits: Floats, powers: NDArray[np.int32], parts: Floats) -> tuple[np.float32, float]:
    """The highest logit, and the sum of exp(logit - highest); the last two [V] are scratch."""
    highest = logits[0]
    for column in range(1, len(logits)):
        highest = max(highest, logits[column])
    for column in range(len(logits)):
        value = max(logits[column] - highest, EXP_LEAST)
        power = np.float32(np.floor(value * LOG2_E + HALF))
        rest = value - power * LN2_HIGH - power * LN2_LOW
        sum_ = ((((EXP[0] * rest + EXP[1]) * rest + EXP[2]) * rest + EXP[3]) * rest + EXP[4]) * rest + EXP[5]
        parts[column] = sum_ * (rest * rest) + rest + ONE
        powers[column] = (np.int32(power) + np.int32(127)) << np.int32(23)
    return highest, _sum_of_products(parts, powers.view(np.float32))


@kernel
def _sum_of_products(left: Floats, right: Floats) -> float:
    lanes, whole, total = np.zeros(LANES, np.float64), len(left) // LANES * LANES, 0.0
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += left[start + lane] * right[start + lane]
    for lane in range(LANES):
        total += lanes[lane]
    for place in range(whole, len(left)):
        total += left[place] * right[place]
    return total
