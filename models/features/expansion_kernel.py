"""Columns of feature rows, click by click (`models.features.feature_kinds` says what the kinds mean)."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Kinds of features by number.
PLAIN, LOG, PLAIN_OR_NONE, LOG_OR_NONE, AGO, CYCLE, CHOICE, BITS, INDEX = range(9)
#: Bound of columns that are not whole numbers.
LARGEST = 50.0


class Plan(NamedTuple):
    """Of each feature: its kind, place in the row (from the end on: in the integers), columns, argument.

    `first` is the feature's first column, `second` that of what is missing or of the cosine. `argument` is a
    period, or how many columns there are.
    """

    kind: Ints
    place: Ints
    first: Ints
    second: Ints
    argument: Floats


@kernel
def expand(rows: Floats, width: int, integers: Ints, plan: Plan, out: NDArray[np.float32]) -> None:
    """Into the zeros `out` [N, C] the columns of rows [N, ...] of `width` values and of `integers` [N, I]."""
    for click in range(len(rows)):
        for number in range(len(plan.kind)):
            kind, place, first = plan.kind[number], plan.place[number], plan.first[number]
            given = rows[click, place] if place < width else np.float64(integers[click, place - width])
            if kind >= CHOICE:
                whole(out[click], kind, given, first, int(plan.argument[number]))
            elif kind == CYCLE:
                angle = given / plan.argument[number] % 1 * 2 * math.pi
                out[click, first] = bounded(math.sin(angle))
                out[click, plan.second[number]] = bounded(math.cos(angle))
            elif kind == AGO:
                never = given < 0
                since = 0.0 if never else 1 / (1 + math.log1p(above(given) / 1000))
                out[click, first], out[click, plan.second[number]] = bounded(since), never
            elif kind >= PLAIN_OR_NONE and given != given:
                out[click, plan.second[number]] = 1
            else:
                log = kind in (LOG, LOG_OR_NONE)
                out[click, first] = bounded(math.log1p(above(given)) if log else given)


@kernel
def whole(out: NDArray[np.float32], kind: int, given: float, first: int, count: int) -> None:
    """Columns of whole numbers; a choice out of range is the first one."""
    if kind == CHOICE:
        out[first + (int(given) if 0 <= given < count else 0)] = 1
    elif kind == BITS:
        for bit in range(count):
            out[first + bit] = (int(given) >> bit) & 1
    else:
        out[first] = given


@kernel
def above(value: float) -> float:
    """The value, 0 where it is less; an infinite one stays so small that it has a logarithm."""
    return min(value, 1e300) if value > 0 else 0.0


@kernel
def bounded(value: float) -> float:
    """Within LARGEST; what is no number is its opposite."""
    value = value if value > -LARGEST else -LARGEST
    return value if value < LARGEST else LARGEST
