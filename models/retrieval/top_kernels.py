"""The top-k of a query among all items or some clusters; an answer depends on no other query of the chunk."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import EXP, EXP_LEAST, HALF, LN2_HIGH, LN2_LOW, LOG2_E, ONE, kernel

Floats = NDArray[np.float32]
Shorts = NDArray[np.int32]
Ints = NDArray[np.int64]

#: Columns that are read together, which stay in the first cache, and queries that read them one after the
#: other: their logits stay in the second one.
COLUMNS: Final = 512
TOGETHER: Final = 16
#: Values that are looked through together.
SPAN: Final = 64
#: Sums that are added up side by side, as vector instructions do.
LANES: Final = 16
ZERO = np.float32(0)


class Lists(NamedTuple):
    """Items in L clusters: cluster l has `items[bounds[l]:bounds[l + 1]]`; `bias` is in the same order.

    `columns` are the clusters' vectors one after the other, each as [E, items]; `centres` [E, L] and
    `centre_bias` [L] their means. A sample of items, by which the softmax's denominator is estimated, has
    `sample` [E, S], `sample_bias` [S] and clusters `sample_list` [S]. Item v is at `places[v]` of `items`.
    """

    centres: Floats
    centre_bias: Floats
    columns: Floats
    bias: Floats
    items: Shorts
    bounds: Ints
    sample: Floats
    sample_bias: Floats
    sample_list: Ints
    places: Ints


@kernel
def search(queries: Floats, lists: Lists, probes: int, current: Ints, items: Shorts, scores: Floats) -> None:
    """Into `items` and `scores` [N, k] the best by softmax of `queries` [N, E], and their probabilities.

    Items are those of the `probes` clusters whose centres score highest. The softmax is over all items: the
    sum over these clusters and an estimate of the rest. The item on view, `current` [N] (-1: none), is part
    of it and no answer. Best first, equal ones in the order of the lists; -1 and 0 where there are no more.
    """
    most, count = min(TOGETHER, max(1, len(queries))), len(lists.centre_bias)
    near, starts = np.empty((most, probes), np.int32), np.empty((most, count), np.int32)
    logits, ends = np.empty((most, max(count, len(lists.bias))), np.float32), np.empty(most, np.int64)
    scratch = np.empty(len(lists.bias), np.int32), np.empty(len(lists.bias), np.float32)
    for first in range(0, len(queries), most):
        rows = min(most, len(queries) - first)
        for row in range(rows):
            ends[row] = _nearest(queries[first + row], lists, logits[row], near[row], starts[row])
        _logits(queries[first : first + rows], lists, starts, logits)
        for row in range(rows):
            query, found = first + row, logits[row, : ends[row]]
            highest = _highest(found)
            total = _sum_of_powers(found, highest, scratch)
            if ends[row] < len(lists.bias):
                total += _rest(queries[query], lists, starts[row], ends[row], highest, scratch)
            _skip(found, lists, starts[row], current[query])
            ranked = _rank(found, lists, near[row], starts[row], items[query], scores[query])
            _probabilities(scores[query], ranked, highest, total)


@kernel
def _nearest(query: Floats, lists: Lists, logits: Floats, near: Shorts, starts: Shorts) -> int:
    """Into `near` the clusters to probe, into `starts` where their logits begin (-1: are not probed).

    How many logits these are; `logits` is scratch.
    """
    count, filled = len(starts), 0
    logits[:count] = lists.centre_bias
    _add_products(logits[:count], query, lists.centres, 0, count)
    near[_best(logits[:count], near, np.empty(len(near), np.float32)) :] = -1
    starts[:] = -1
    for cluster in near:
        if cluster >= 0:
            starts[cluster] = filled
            filled += lists.bounds[cluster + 1] - lists.bounds[cluster]
    return filled


@kernel
def _logits(queries: Floats, lists: Lists, starts: Shorts, logits: Floats) -> None:
    """The logits of each query's clusters; all queries that probe a cluster read it one after the other."""
    width = queries.shape[1]
    for cluster in range(starts.shape[1]):
        first, last = lists.bounds[cluster], lists.bounds[cluster + 1]
        columns = lists.columns[width * first : width * last].reshape((width, last - first))
        for left in range(0, last - first, COLUMNS):
            right = min(left + COLUMNS, last - first)
            for row in range(len(queries)):
                if starts[row, cluster] >= 0:
                    out = logits[row, starts[row, cluster] + left : starts[row, cluster] + right]
                    out[:] = lists.bias[first + left : first + right]
                    _add_products(out, queries[row], columns, left, right)


@kernel
def _rest(
    query: Floats,
    lists: Lists,
    starts: Shorts,
    searched: int,
    highest: np.float32,
    scratch: tuple[Shorts, Floats],
) -> float:
    """The sum of exp(logit - highest) over the items that are not `searched`, estimated from the sample."""
    sampled, count = lists.sample_bias.copy(), 0
    _add_products(sampled, query, lists.sample, 0, len(sampled))
    for place in range(len(sampled)):
        if starts[lists.sample_list[place]] < 0:
            sampled[count] = sampled[place]
            count += 1
    return _sum_of_powers(sampled[:count], highest, scratch) * (len(lists.bias) - searched) / max(1, count)


@kernel
def _skip(logits: Floats, lists: Lists, starts: Shorts, item: int) -> None:
    """Give the item on view no logit."""
    if item >= 0:
        place = lists.places[item]
        cluster = np.searchsorted(lists.bounds, place, side="right") - 1
        if starts[cluster] >= 0:
            logits[starts[cluster] + place - lists.bounds[cluster]] = -np.inf


@kernel
def _rank(logits: Floats, lists: Lists, near: Shorts, starts: Shorts, items: Shorts, scores: Floats) -> int:
    """The items with the highest logits, -1 behind them, and these logits; how many there are."""
    found = _best(logits, items, scores)
    for rank in range(found):
        for cluster in near:
            first, place = lists.bounds[cluster], items[rank] - starts[cluster]
            if cluster >= 0 and 0 <= place < lists.bounds[cluster + 1] - first:
                items[rank] = lists.items[first + place]
                break
    items[found:] = -1
    return found


@kernel
def _add_products(out: Floats, query: Floats, columns: Floats, left: int, right: int) -> None:
    """Add `query` [E] times columns from `left` to `right` to `out`, in the order of E; eight at a time."""
    whole = len(query) // 8 * 8
    for at in range(0, whole, 8):
        a, b, c, d = query[at], query[at + 1], query[at + 2], query[at + 3]
        e, f, g, h = query[at + 4], query[at + 5], query[at + 6], query[at + 7]
        o, p = columns[at, left:right], columns[at + 1, left:right]
        q, r = columns[at + 2, left:right], columns[at + 3, left:right]
        s, t = columns[at + 4, left:right], columns[at + 5, left:right]
        u, v = columns[at + 6, left:right], columns[at + 7, left:right]
        for i in range(len(out)):
            half = (((out[i] + a * o[i]) + b * p[i]) + c * q[i]) + d * r[i]
            out[i] = (((half + e * s[i]) + f * t[i]) + g * u[i]) + h * v[i]
    for place in range(whole, len(query)):
        value, part = query[place], columns[place, left:right]
        for column in range(len(out)):
            out[column] += value * part[column]


@kernel
def _probabilities(scores: Floats, found: int, highest: np.float32, total: float) -> None:
    """From the `found` best logits to probabilities; 0 for the others."""
    if not total > 0:  # a number that is none: the answer must not look like one
        scores[:] = np.nan
        return
    for place in range(found):
        scores[place] = np.float32(np.exp(np.float64(scores[place] - highest)) / total)
    scores[found:] = 0


@kernel
def _best(logits: Floats, items: Shorts, values: Floats) -> int:
    """The highest logits above minus infinity, in order; how many there are."""
    found, most = 0, len(items)
    least = np.float32(-np.inf)
    for start in range(0, len(logits), SPAN):
        end = min(start + SPAN, len(logits))
        if not _any_above(logits[start:end], least):
            continue
        for column in range(start, end):
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
def _any_above(values: Floats, least: np.float32) -> bool:
    above = 0
    for place in range(len(values)):
        above += values[place] > least
    return above > 0


@kernel
def _highest(values: Floats) -> np.float32:
    """The highest value; minus infinity where there is none."""
    lanes, whole = np.full(LANES, -np.inf, np.float32), len(values) // LANES * LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            value = values[start + lane]
            lanes[lane] = value if value > lanes[lane] else lanes[lane]
    highest: np.float32 = lanes.max()
    for place in range(whole, len(values)):
        highest = max(highest, values[place])
    return highest


@kernel
def _sum_of_powers(logits: Floats, highest: np.float32, scratch: tuple[Shorts, Floats]) -> float:
    """The sum of exp(logit - highest), where no logit counts as higher than that."""
    powers, parts = scratch
    for column in range(len(logits)):
        value = min(max(logits[column] - highest, EXP_LEAST), ZERO)
        power = np.float32(np.floor(value * LOG2_E + HALF))
        rest = value - power * LN2_HIGH - power * LN2_LOW
        sum_ = ((((EXP[0] * rest + EXP[1]) * rest + EXP[2]) * rest + EXP[3]) * rest + EXP[4]) * rest + EXP[5]
        parts[column] = sum_ * (rest * rest) + rest + ONE
        powers[column] = (np.int32(power) + np.int32(127)) << np.int32(23)
    return float(_sum_of_products(parts[: len(logits)], powers.view(np.float32)[: len(logits)]))


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
