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
    for row in range(len(scores)):
        select_row(scores[row], allowed[row], density, below, 1.0, out[row])


@kernel
def add_selection(
    scores: Floats, row: int, mask: int, density: Floats, below: Floats, weight: float, out: Floats
) -> None:
    """Add to `out` [k] `weight` times the probabilities of one row among the actions of a mask."""
    allowed = np.empty(len(out), dtype=np.bool_)
    for action in range(len(out)):
        allowed[action] = mask >> action & 1
    select_row(scores[row], allowed, density, below, weight, out)


@kernel
def select_row(
    scores: Floats, allowed: Bools, density: Floats, below: Floats, weight: float, out: Floats
) -> None:
    """Add to `out` [k] `weight` times the probabilities from means and deviations [2k]."""
    work = np.empty((6, len(allowed)))
    count, low, high, narrowest = candidates(scores, allowed, work)
    if count == 1:
        out[int(work[0, 0])] += weight
    elif count > 1:
        integrate(work, count, low, high, narrowest, density, below)
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
def integrate(
    work: Floats, count: int, low: float, high: float, narrowest: float, density: Floats, below: Floats
) -> None:
    """Into row 3 of `work` the integrals of the first `count` actions, up to a common factor."""
    nodes = min(NODES, int((high - low) / (STEP * narrowest)) + 2)
    step = (high - low) / (nodes - 1)
    work[3, :count] = 0.0
    for node in range(nodes):
        point, product = low + node * step, 1.0
        for place in range(count):
            at = ((point - work[1, place]) * work[2, place] + LIMIT) * STEPS
            at = min(max(at, 0.0), 2.0 * LIMIT * STEPS)
            cell = int(at)
            part = at - cell
            work[4, place] = (
                product * work[2, place] * (density[cell] + part * (density[cell + 1] - density[cell]))
            )
            work[5, place] = below[cell] + part * (below[cell + 1] - below[cell])
            product *= work[5, place]
        product = 1.0
        for place in range(count - 1, -1, -1):
            work[3, place] += work[4, place] * product
            product *= work[5, place]
