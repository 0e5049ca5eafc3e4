"""Shares of actions from their scores, and exact units of 2^-53, row by row.

No result depends on another row, and exp() is made of sums and products only, so that a record's decision is
recomputed bit by bit on another machine.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

ONE = 1 << 53
LOG2_E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 6.93145751953125e-1, 1.42860682030941723212e-6
#: Below it exp() is 0 for our purpose: no share is as small as a unit.
LOWEST = -60.0
#: Terms of the series of exp() on [-ln 2 / 2, ln 2 / 2]; the next one is below 1e-17.
TERMS = 14
#: Powers of one half down to that of `LOWEST`: a product with one is exact.
HALVES = 0.5 ** np.arange(88)


@kernel
def exponential(value: float) -> float:
    """exp() of a value from `LOWEST` to 0, to 1e-15; 0 below."""
    within = max(value, LOWEST)
    power = np.floor(within * LOG2_E + 0.5)
    rest = within - power * LN2_HIGH - power * LN2_LOW
    total = 1.0
    for term in range(TERMS, 0, -1):
        total = 1.0 + rest / term * total
    # An index without a sign is not searched for one that counts from the end.
    return total * HALVES[np.uint32(np.int32(-power))] if value >= LOWEST else 0.0


@kernel
def softmax(scores: Floats, allowed: Bools, temperature: float, out: Floats) -> None:
    """Into `out` (zeros) [n, k] the shares; temperature 0 gives all to the first of the best."""
    for row in range(len(scores)):
        best = best_allowed(scores[row], allowed[row])
        if best >= 0:
            softmax_row(scores[row], allowed[row], best, temperature, out[row])


@kernel
def best_allowed(scores: Floats, allowed: Bools) -> int:
    """The first of the best allowed actions; -1 where none is allowed."""
    best = -1
    for action in range(len(scores)):
        if allowed[action] and (best < 0 or scores[action] > scores[best]):
            best = action
    return best


@kernel
def softmax_row(scores: Floats, allowed: Bools, best: int, temperature: float, out: Floats) -> None:
    """Into `out` [k] the shares of one row whose best action is known."""
    if temperature <= 0.0:
        out[best] = 1.0
        return
    highest, total = scores[best], 0.0
    # Without branches, so that a processor works on several actions at once.
    for action in range(len(scores)):
        share = exponential(min((scores[action] - highest) / temperature, 0.0))
        out[action] = share if allowed[action] else 0.0
    for action in range(len(scores)):
        total += out[action]
    for action in range(len(scores)):
        out[action] /= total


@kernel
def unpacked(mask: int, count: int) -> Bools:
    """The bits of a mask."""
    allowed = np.empty(count, dtype=np.bool_)
    for action in range(count):
        allowed[action] = mask >> action & 1
    return allowed


@kernel
def add_softmax(scores: Floats, row: int, mask: int, temperature: float, weight: float, out: Floats) -> None:
    """Add to `out` [k] `weight` times the shares of one row of scores [n, k]."""
    allowed = unpacked(mask, len(out))
    best = best_allowed(scores[row], allowed)
    if best >= 0:
        part = np.zeros(len(out))
        softmax_row(scores[row], allowed, best, temperature, part)
        for action in range(len(out)):
            out[action] += weight * part[action]


@kernel
def worthwhile(scores: Floats, allowed: Bools, margin: float, none: int, out: Bools) -> None:
    """Into `out` [n, k] the allowed actions with an uplift of at least `margin`, and `none` where allowed.

    Where that leaves nothing, all that are allowed.
    """
    for row in range(len(scores)):
        some = False
        for action in range(scores.shape[1]):
            enough = action == none or scores[row, action] >= margin
            out[row, action] = allowed[row, action] and enough
            some = some or out[row, action]
        if not some:
            out[row] = allowed[row]


@kernel
def worthwhile_mask(scores: Floats, row: int, mask: int, margin: float, none: int) -> int:
    """As `worthwhile`, for one row and a mask."""
    found = 0
    for action in range(scores.shape[1]):
        if mask >> action & 1 and (action == none or scores[row, action] >= margin):
            found |= 1 << action
    return found if found else mask


@kernel
def unit_row(shares: Floats, explorable: Bools, epsilon: int, own: Ints, units: Ints) -> int:
    """Into `units` [k] shares over the floor of exploration, which sum to exactly `ONE`; returns the action
    with the largest share.

    An explorable action has its own epsilon (`own`, in units; -1: an even part of `epsilon`). The shares
    divide what is left; what rounding leaves goes to the largest of them.
    """
    sharing = 0
    for action in range(len(shares)):
        sharing += explorable[action] and own[action] < 0
    part, left, best = epsilon // max(1, sharing), np.int64(ONE), 0
    for action in range(len(shares)):
        units[action] = 0
        if explorable[action]:
            units[action] = part if own[action] < 0 else own[action]
            left -= units[action]
        if shares[action] > shares[best]:
            best = action
    rest = left
    for action in range(len(shares)):
        unit = np.int64(shares[action] * rest)
        units[action] += unit
        left -= unit
    units[best] += left
    return best


@kernel
def finish(
    shares: Floats, explorable: Bools, epsilon: int, own: Ints, sums: Ints, chances: Floats, best: Ints
) -> None:
    """Into `sums` [n, k] running sums of the units, into `chances` the units / `ONE`, and into `best` [n] the
    actions with the largest share.
    """
    for row in range(len(shares)):
        best[row] = unit_row(shares[row], explorable[row], epsilon, own, sums[row])
        add_up(sums[row], chances[row])


@kernel
def add_up(units: Ints, chances: Floats) -> None:
    """From units in `units` [k] their running sums, and into `chances` the units / `ONE`."""
    total = np.int64(0)
    for action in range(len(units)):
        unit = units[action]
        chances[action] = unit / ONE
        total += unit
        units[action] = total


@kernel
def finish_row(
    shares: Floats,
    explorable: Bools,
    row: int,
    mask: int,
    epsilon: int,
    own: Ints,
    slot: int,
    sums: Ints,
    chances: Floats,
) -> int:
    """As `finish`, for `shares` [k] and a row of `explorable` [n, k] among the actions of `mask`, into a slot
    of `sums` and `chances`; returns the best action.
    """
    best = unit_row(shares, explorable[row] & unpacked(mask, len(shares)), epsilon, own, sums[slot])
    add_up(sums[slot], chances[slot])
    return best
