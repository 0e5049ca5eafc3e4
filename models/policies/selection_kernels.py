"""Probability that Thompson sampling selects an action, by quadrature instead of by drawing.

P(a is best) is the integral of a's density times the distribution functions of all other allowed actions,
over independent normal values. The trapezoidal rule converges exponentially for such integrands; the step is
bounded because no deviation is taken for less than 1 / `WIDEST` of the largest one.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Values beyond so many deviations are left out, a share of 3e-5.
REACH = 4.0
WIDEST = 8.0
#: Steps in deviations of the narrowest action, and the most nodes of one integral.
STEP, NODES = 0.7, 72
#: Tabulated values of the normal distribution on [-LIMIT, LIMIT], a unit in so many steps.
LIMIT, STEPS = 6, 256
#: The last place of a table.
MOST = 2.0 * LIMIT * STEPS
INVERSE_ROOT = 0.3989422804014327  # 1 / sqrt(2 pi)


@kernel
def tabulate(density: Floats, below: Floats) -> None:
    """Density and distribution function of the standard normal, by series of sums and products only."""
    for place in range(len(density)):
        value = (place - LIMIT * STEPS) / STEPS
        square, term, power = value * value / 2.0, 1.0, 1.0
        for count in range(1, 200):
            term *= square / count
            power += term
        density[place] = INVERSE_ROOT / power
        term = total = value
        for count in range(1, 200):
            term *= 2.0 * square / (2 * count + 1)
            total += term
        below[place] = min(max(0.5 + density[place] * total, 0.0), 1.0)


def _tables() -> tuple[Floats, Floats]:
    density, below = np.empty(2 * LIMIT * STEPS + 2), np.empty(2 * LIMIT * STEPS + 2)
    tabulate(density, below)
    return density, below


DENSITY, BELOW = _tables()


@kernel
def selection(scores: Floats, allowed: Bools, density: Floats, below: Floats, out: Floats) -> None:
    """Into `out` (zeros) [n, k] the probabilities from means and deviations [n, 2k]."""
    rooms = rooms_for(out.shape[1])
    for row in range(len(scores)):
        select_row(scores[row], allowed[row], density, below, 1.0, rooms, out[row])


@kernel
def add_selection(
    scores: Floats, row: int, mask: int, density: Floats, below: Floats, weight: float, out: Floats
) -> None:
    """Add to `out` [k] `weight` times the probabilities of one row among the actions of a mask."""
    allowed = np.empty(len(out), dtype=np.bool_)
    for action in range(len(out)):
        allowed[action] = mask >> action & 1
    select_row(scores[row], allowed, density, below, weight, rooms_for(len(out)), out)


@kernel
def rooms_for(actions: int) -> tuple[Floats, Floats, NDArray[np.uint32]]:
    """Room for the candidates, for their values at every node, and for a node's place in the tables."""
    values = np.empty((2 + 2 * actions, NODES))
    return np.empty((4, actions)), values, np.empty(NODES, dtype=np.uint32)


@kernel
def select_row(
    scores: Floats,
    allowed: Bools,
    density: Floats,
    below: Floats,
    weight: float,
    rooms: tuple[Floats, Floats, NDArray[np.uint32]],
    out: Floats,
) -> None:
    """Add to `out` [k] `weight` times the probabilities from means and deviations [2k]."""
    work, values, cells = rooms
    count, low, high, narrowest = candidates(scores, allowed, work)
    if count == 1:
        out[int(work[0, 0])] += weight
    elif count > 1:
        nodes = min(NODES, int((high - low) / (STEP * narrowest)) + 2)
        step = (high - low) / (nodes - 1)
        multiply(work, count, low, step, nodes, density, below, values, cells)
        integrate(work, count, nodes, values)
        total = work[3, :count].sum()
        for place in range(count):
            out[int(work[0, place])] += weight * (work[3, place] / total)


@kernel
def candidates(scores: Floats, allowed: Bools, work: Floats) -> tuple[int, float, float, float]:
    """Into `work` number, mean and inverse deviation of the actions that can be best.

    Returns their count, the interval of the best value, and the narrowest deviation.
    """
    actions = len(allowed)
    widest, best = widest_and_best(scores, allowed)
    if best < 0:
        return 0, 0.0, 0.0, 0.0
    work[0, 0] = best
    least, low, high = widest / WIDEST, -np.inf, -np.inf
    for action in range(actions):
        if allowed[action]:
            reach = REACH * max(scores[actions + action], least)
            low, high = max(low, scores[action] - reach), max(high, scores[action] + reach)
    count, narrowest = 0, widest
    for action in range(actions):
        deviation = max(scores[actions + action], least)
        if allowed[action] and scores[action] + REACH * deviation > low:
            work[0, count], work[1, count], work[2, count] = action, scores[action], 1.0 / deviation
            narrowest = min(narrowest, deviation)
            count += 1
    return max(count, 1), low, high, narrowest


@kernel
def widest_and_best(scores: Floats, allowed: Bools) -> tuple[float, int]:
    """The largest deviation of the allowed actions, and the first of the highest means (-1: none)."""
    actions, widest, best = len(allowed), 0.0, -1
    for action in range(actions):
        if allowed[action]:
            widest = max(widest, scores[actions + action])
            if best < 0 or scores[action] > scores[best]:
                best = action
    return widest, best


@kernel
def multiply(
    work: Floats,
    count: int,
    low: float,
    step: float,
    nodes: int,
    density: Floats,
    below: Floats,
    values: Floats,
    cells: NDArray[np.uint32],
) -> None:
    """Into `values`, from its third row on, each action's density at the nodes times the distribution
    functions of the actions before it; behind them, its own distribution function.

    The nodes of an action lie side by side, so that a processor works on several at once. A place in the
    tables has no sign, or it would be checked for counting from their end.
    """
    behind = len(values) // 2 - 1
    values[0, :nodes] = 1.0
    for place in range(count):
        mean, inverse = work[1, place], work[2, place]
        for node in range(nodes):
            at = ((low + node * step - mean) * inverse + LIMIT) * STEPS
            at = min(max(at, 0.0), MOST)
            whole = np.int32(at)
            cells[node], values[1, node] = whole, at - whole
        own, function = 2 + place, 2 + behind + place
        for node in range(nodes):
            cell, part = cells[node], values[1, node]
            left, under = density[cell], below[cell]
            slope = density[cell + np.uint32(1)] - left
            values[own, node] = values[0, node] * inverse * (left + part * slope)
            values[function, node] = under + part * (below[cell + np.uint32(1)] - under)
            values[0, node] *= values[function, node]


@kernel
def integrate(work: Floats, count: int, nodes: int, values: Floats) -> None:
    """Into row 3 of `work` the integrals of the first `count` actions, up to a common factor."""
    behind = len(values) // 2 - 1
    values[0, :nodes] = 1.0
    for place in range(count - 1, -1, -1):
        own, function = 2 + place, 2 + behind + place
        for node in range(nodes):
            values[own, node] *= values[0, node]
            values[0, node] *= values[function, node]
    for place in range(count):
        total = 0.0
        for node in range(nodes):
            total += values[2 + place, node]
        work[3, place] = total
