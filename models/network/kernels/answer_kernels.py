"""Calibrated and consistent answers of all heads click by click, as `heads` and `coherence` define them.

These hold the definitions for tensors, by which training and evaluation judge; tests hold both together.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Row = NDArray[np.float32]
Matrix = NDArray[np.float32]
Ints = NDArray[np.int64]

#: Bounds of logits and of the logarithm of an amount (`models.network.heads`), and of what exp() is asked.
LOGIT, LOG_AMOUNT, FARTHEST = 30.0, 20.0, 80.0
#: Bounds of the spread of an amount's logarithm (`models.network.heads`).
SPREADS = (0.2, 1.5)


class Columns(NamedTuple):
    """Where each head's outputs and answers are; -1 for a head that the version does not have.

    `lines` [heads, 2] are scale and shift of each head. `binary`, `amounts` and `ratings` [heads, 3] have raw
    column, answer column and number of the head, `classes` [heads, 4] also how many classes it has.
    `horizons` [heads, 2] have the answer column and whether it limits churn. `single` are the answer columns
    of churn, cart completion, session value and search. `following` are first answer column and classes of
    the next event, then the classes leave, purchase and search; `state` those of the intent state, then the
    known ones. `given` [heads, 2] are answer columns and the features that must be above 0. `order` are the
    features cart items, purchases, since checkout, and since the latest order; `purchase` is the feature that
    says that the click is a purchase.
    """

    lines: Matrix
    binary: Ints
    classes: Ints
    amounts: Ints
    ratings: Ints
    horizons: Ints
    single: tuple[int, int, int, int]
    following: tuple[int, int, int, int, int]
    state: tuple[int, int, int, int, int]
    given: Ints
    order: tuple[int, int, int, int]
    purchase: int


@kernel
def answers(
    raw: Matrix, chance: Row, features: Matrix, expected: Row, trust: float, columns: Columns, out: Matrix
) -> None:
    """Into `out` [N, A] the answers to raw outputs [N, R]; NaN where a head does not apply.

    `chance` [N] is the calibrated purchase probability, `features` [N, F] are not normalised, `expected` [N]
    are ratings without the network, to which `trust` times its part is added.
    """
    for click in range(len(raw)):
        row, buys = out[click], np.float64(chance[click])
        row[:] = 0
        single_answers(raw[click], columns, row)
        distributions(raw[click], columns, row)
        combine(row, buys, features[click], columns)
        for number in range(len(columns.ratings)):
            place = columns.ratings[number, 1]
            row[place] = np.float64(expected[click]) + trust * np.float64(row[place])
        for number in range(len(columns.given)):
            if features[click, columns.given[number, 1]] <= 0:
                row[columns.given[number, 0]] = np.nan


@kernel
def calibrated(
    logits: Row,
    trees: NDArray[np.float64],
    weights: tuple[float, float],
    position: NDArray[np.int32],
    bands: Ints,
    lines: Matrix,
    out: Row,
) -> None:
    """Into `out` [N] purchase probabilities from logits of network and trees, by the line of a click's band.

    `bands` are the last positions of each band but the last, `lines` [bands + 1, 2] scale and shift.
    """
    for click in range(len(logits)):
        logit = weights[0] * np.float64(logits[click]) + weights[1] * trees[click]
        band = 0
        while band < len(bands) and bands[band] < position[click]:
            band += 1
        out[click] = sigmoid(logit * np.float64(lines[band, 0]) + np.float64(lines[band, 1]))


@kernel
def expected_ratings(
    rows: Ints,
    features: Matrix,
    items: Row,
    categories: Row,
    first_category: int,
    given: tuple[int, int],
    prior: tuple[float, float],
    out: Row,
) -> None:
    """Into `out` [N] the ratings without the network, as `models.network.ratings.Ratings` defines them."""
    for click in range(len(rows)):
        item, known = rows[click, 0], 0 < rows[click, 0] < len(items)
        mean = items[item] if known else categories[rows[click, 1] - first_category]
        count = math.expm1(np.float64(features[click, given[0]]))
        own = np.float64(features[click, given[1]]) - prior[0]
        out[click] = np.float64(mean) + own * count / (count + prior[1])


@kernel
def sigmoid(value: float) -> float:
    value = FARTHEST if value > FARTHEST else value
    value = -FARTHEST if value < -FARTHEST else value
    return 1 / (1 + math.exp(-value))


@kernel
def on_line(value: float, line: Row) -> float:
    return value * np.float64(line[0]) + np.float64(line[1])


@kernel
def single_answers(raw: Row, columns: Columns, out: Row) -> None:
    """The heads of one answer: probabilities, amounts and what is to be added to ratings."""
    lines = columns.lines
    for number in range(len(columns.binary)):
        at, place, head = columns.binary[number, 0], columns.binary[number, 1], columns.binary[number, 2]
        out[place] = sigmoid(on_line(np.float64(raw[at]), lines[head]))
    for number in range(len(columns.amounts)):
        at, place, head = columns.amounts[number, 0], columns.amounts[number, 1], columns.amounts[number, 2]
        spread = SPREADS[0] + (SPREADS[1] - SPREADS[0]) * sigmoid(np.float64(raw[at + 1]))
        log = on_line(np.float64(raw[at]) + spread * spread / 2, lines[head])
        out[place] = math.exp(LOG_AMOUNT if log > LOG_AMOUNT else log)
    for number in range(len(columns.ratings)):
        at, place, head = columns.ratings[number, 0], columns.ratings[number, 1], columns.ratings[number, 2]
        out[place] = on_line(np.float64(raw[at]), lines[head])


@kernel
def distributions(raw: Row, columns: Columns, out: Row) -> None:
    """A softmax for each head with classes."""
    for number in range(len(columns.classes)):
        at, place, count = columns.classes[number, 0], columns.classes[number, 1], columns.classes[number, 3]
        scale, total = np.float64(columns.lines[columns.classes[number, 2], 0]), 0.0
        for one in range(count):
            logit: float = np.float64(raw[at + one]) * scale
            logit = LOGIT if logit > LOGIT else logit
            power = math.exp(-LOGIT if logit < -LOGIT else logit)
            out[place + one] = power
            total += power
        scaled(out[place : place + count], 1 / total)


@kernel
def scaled(row: Row, factor: float) -> None:
    """Multiply a row in place, rounding once."""
    for place in range(len(row)):
        row[place] = np.float64(row[place]) * factor


@kernel
def combine(out: Row, buys: float, features: Row, columns: Columns) -> None:
    """Turn conditional answers into published ones (`models.network.coherence.combine`)."""
    churn, completion, value, search = columns.single
    sooner = buys
    for number in range(len(columns.horizons)):
        place = columns.horizons[number, 0]
        sooner = min(sooner + (1 - sooner) * np.float64(out[place]), 1.0)
        out[place] = sooner
        if churn >= 0 and columns.horizons[number, 1]:
            out[churn] = min(np.float64(out[churn]), 1 - (sooner - buys))
    if completion >= 0:
        out[completion] = buys
    if value >= 0:
        out[value] = np.float64(out[value]) * buys
    if columns.following[0] >= 0:
        next_event(out, buys, columns.following, features[columns.purchase] > 0)
        if search >= 0:
            out[search] = out[columns.following[0] + columns.following[4]]
    if columns.state[0] >= 0:
        intent_state(out, buys, features, columns.state, columns.order)


@kernel
def next_event(out: Row, buys: float, columns: tuple[int, int, int, int, int], bought: bool) -> None:
    """Mix the next events of sessions that buy, which do not leave, and of others, which do not purchase.

    Nothing is mixed where the click itself `bought`: lines of its order may follow.
    """
    if bought:
        return
    first, count, leave, purchase, _ = columns
    share = out[first : first + count]
    leaves, purchases = np.float64(share[leave]), np.float64(share[purchase])
    share[leave] = share[purchase] = 0
    others = 0.0
    for one in range(count):
        others += np.float64(share[one])
    buying, going = buys / (others + purchases), (1 - buys) / (others + leaves)
    scaled(share, buying + going)
    share[leave] = leaves * going
    share[purchase] = min(purchases * buying, buys)


@kernel
def intent_state(
    out: Row,
    buys: float,
    features: Row,
    columns: tuple[int, int, int, int, int],
    order: tuple[int, int, int, int],
) -> None:
    """The known states, from the purchase probability and from whether an order is under way or made."""
    first, count, ready, waiting, done = columns
    share, total = out[first : first + count], 0.0
    share[ready] = share[waiting] = share[done] = 0
    under_way = features[order[0]] > 0 or features[order[2]] > features[order[3]]
    over = features[order[1]] > 0 and not under_way
    for one in range(count):
        total += np.float64(share[one])
    scaled(share, 0.0 if under_way or over else (1 - buys) / total)
    share[waiting], share[done] = (1 - buys if under_way else 0.0), (1 - buys if over else 0.0)
    share[ready] = buys
