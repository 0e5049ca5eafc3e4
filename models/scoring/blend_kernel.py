"""The blended ranking click by click: the formula of `models.scoring.blend`, over the same candidates."""

import math

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Sums of a product that are added up side by side, as vector instructions do.
LANES = 16
#: Least log probability of a candidate, and what is added to a probability before its logarithm.
LEAST_LOG, LEAST_CHANCE = -70.0, 1e-30
FREE = np.int32(-1)
ZERO = np.float32(0)


@kernel
def rank(
    queries: Floats,
    table: Floats,
    bias: Floats,
    found: tuple[Ints, Shorts, Doubles, Bools],
    own: tuple[Shorts, Floats],
    weights: tuple[float, float, float],
    least: float,
    items: Shorts,
    scores: Floats,
) -> None:
    """Into `items` and `scores` [N, k] the best candidates and their shares of all candidates' weight.

    `queries` are [N, E], `table` [V, E], `bias` [V]. `found` are bounds [N + 1], items, shares and seen of
    the neighbours' candidates, `own` the network's best items [N, W] and their probabilities. `weights` are
    those of network, neighbours and seen; `least` is added to shares.
    """
    bounds, other, shares, seen = found
    size = 1
    while size < 4 * own[0].shape[1]:
        size *= 2
    places, lanes = np.full(size, FREE), np.empty(LANES, np.float32)
    for click in range(len(queries)):
        first, count = bounds[click], bounds[click + 1] - bounds[click]
        chosen = np.empty(count + own[0].shape[1], np.int32)
        values = np.empty(len(chosen), np.float64)
        total = denominator(queries[click], table, bias, own[0][click, 0], own[1][click, 0], lanes)
        for number in range(count):
            item = other[first + number]
            log = logit(queries[click], table, bias, item, lanes) - total
            log = min(0.0, max(LEAST_LOG, log))
            chosen[number] = item
            values[number] = weights[0] * log + weights[1] * math.log(shares[first + number] + least)
            values[number] += weights[2] if seen[first + number] else 0.0
        more = add_own(own[0][click], own[1][click], places, weights, least, chosen, values, count)
        shares_of_best(chosen[:more], values[:more], items[click], scores[click])


@kernel
def add_own(
    own: Shorts,
    chances: Floats,
    places: Shorts,
    weights: tuple[float, float, float],
    least: float,
    chosen: Shorts,
    values: Doubles,
    count: int,
) -> int:
    """Append the network's best items that are no neighbours' candidates; how many candidates there are then.

    `places` is a free hash table, and is left so.
    """
    mask, known = len(places) - 1, np.zeros(len(own), np.bool_)
    for rank in range(len(own)):
        if own[rank] >= 0:
            at = own[rank] & mask
            while places[at] != FREE:
                at = (at + 1) & mask
            places[at] = rank
    for number in range(count):
        at = chosen[number] & mask
        while places[at] != FREE:
            known[places[at]] |= own[places[at]] == chosen[number]
            at = (at + 1) & mask
    places[:] = FREE
    for rank in range(len(own)):
        if own[rank] >= 0 and not known[rank]:
            log = min(0.0, max(LEAST_LOG, math.log(np.float64(chances[rank]) + LEAST_CHANCE)))
            chosen[count], values[count] = own[rank], weights[0] * log + weights[1] * math.log(least)
            count += 1
    return count


@kernel
def denominator(
    query: Floats, table: Floats, bias: Floats, best: int, chance: np.float32, lanes: Floats
) -> float:
    """Log of the softmax denominator, from the best item's probability; 0 without an item."""
    if best < 0:
        return 0.0
    return logit(query, table, bias, best, lanes) - math.log(np.float64(chance) + LEAST_CHANCE)


@kernel
def logit(query: Floats, table: Floats, bias: Floats, item: int, lanes: Floats) -> float:
    """The logit of one item; `lanes` [LANES] is scratch: to allocate it would take as long as the product."""
    row = table[item]
    lanes[:] = ZERO
    whole = len(row) // LANES * LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += query[start + lane] * row[start + lane]
    total = bias[item]
    for lane in range(LANES):
        total += lanes[lane]
    for place in range(whole, len(row)):
        total += query[place] * row[place]
    return np.float64(total)


@kernel
def shares_of_best(chosen: Shorts, values: Doubles, items: Shorts, scores: Floats) -> None:
    """The highest values in order, as shares of the sum of all exp(value); -1 and 0 behind them."""
    found, most, least = 0, len(items), -np.inf
    best = np.empty(most, np.float64)
    for number in range(len(values)):
        value = values[number]
        if value > least:
            place = min(found, most - 1)
            while place > 0 and best[place - 1] < value:
                best[place], items[place] = best[place - 1], items[place - 1]
                place -= 1
            best[place], items[place] = value, chosen[number]
            found = min(found + 1, most)
            least = best[most - 1] if found == most else least
    total = 0.0
    for number in range(len(values)):
        total += math.exp(values[number] - best[0])
    for place in range(found):
        scores[place] = math.exp(best[place] - best[0]) / total
    items[found:] = -1
    scores[found:] = ZERO
