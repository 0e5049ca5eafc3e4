"""The outputs of all heads click by click, from hidden states and features as they are.

The first layers of all heads are one matrix. Normalisation is part of its weights, so that a feature of 0, as
most are, costs nothing. Every sum is added in the order of its rows, so that no other click matters.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Row = NDArray[np.float32]
Matrix = NDArray[np.float32]
Ints = NDArray[np.int64]

ZERO = np.float32(0)


@kernel
def outputs(
    states: Matrix,
    features: Matrix,
    price: tuple[Matrix, Ints, np.float32],
    first: tuple[Matrix, Row],
    intent: tuple[Row, np.float32],
    second: tuple[Matrix, Row],
    logits: Row,
    raw: Matrix,
) -> bool:
    """Into `logits` [N] purchase intent, into `raw` [N, R] the further heads; whether all are finite.

    `states` are [N, H], `features` [N, F]. `price` is the table of prices by category, the columns of price
    position, price and missing price, and the bound of a relative price. `first` are weights [H + F, I + T]
    and bias of the first layers, `intent` weights [I] and bias, `second` weights [T, R] and bias.
    """
    hidden, wide = states.shape[1], len(intent[0])
    inputs = np.empty(hidden + features.shape[1], np.float32)
    places, layer = np.empty(len(inputs), np.int64), np.empty(len(first[1]), np.float32)
    finite = True
    for click in range(len(states)):
        inputs[:hidden] = states[click]
        inputs[hidden:] = features[click]
        inputs[hidden + price[1][0]] = relative_price(features[click], price)
        layer[:] = first[1]
        add_rows(layer, inputs, places, first[0])
        for unit in range(len(layer)):
            layer[unit] = layer[unit] if layer[unit] > ZERO or layer[unit] != layer[unit] else ZERO
        logits[click] = dot(layer[:wide], intent[0]) + intent[1]
        raw[click] = second[1]
        add_rows(raw[click], layer[wide:], places, second[0])
        finite = finite and all_finite(raw[click])
    return finite


@kernel
def relative_price(row: Row, price: tuple[Matrix, Ints, np.float32]) -> np.float32:
    """As `models.features.relative_price`: 0 where the price is missing."""
    table, columns, most = price
    category = row[columns[0]]
    known = category == category and category > ZERO
    line = table[min(int(category), len(table) - 1) if known else 0]
    above = (row[columns[1]] - line[0]) * line[1]
    above = most if above > most else above
    above = -most if above < -most else above
    return np.float32(above * (np.float32(1) - row[columns[2]]))


@kernel
def add_rows(out: Row, row: Row, places: Ints, matrix: Matrix) -> None:
    """Add `row` [I] times `matrix` [I, O] to `out` [O], without the zeros of `row`; `places` is scratch.

    Four rows at a time: they are added one after the other, as if each came alone.
    """
    count = 0
    for place in range(len(row)):
        places[count] = place
        count += row[place] != ZERO
    whole = count // 4 * 4
    for at in range(0, whole, 4):
        one, two, three, four = places[at], places[at + 1], places[at + 2], places[at + 3]
        a, b, c, d = row[one], row[two], row[three], row[four]
        w, x, y, z = matrix[one], matrix[two], matrix[three], matrix[four]
        for unit in range(len(out)):
            out[unit] = (((out[unit] + a * w[unit]) + b * x[unit]) + c * y[unit]) + d * z[unit]
    for at in range(whole, count):
        value, weights = row[places[at]], matrix[places[at]]
        for unit in range(len(out)):
            out[unit] += value * weights[unit]


@kernel
def dot(left: Row, right: Row) -> np.float32:
    total = ZERO
    for place in range(len(left)):
        total += left[place] * right[place]
    return total


@kernel
def all_finite(row: Row) -> bool:
    nothing = ZERO
    for place in range(len(row)):
        nothing += row[place] * ZERO
    return bool(nothing == ZERO)


@kernel
def product(rows: Matrix, matrix: Matrix, length: np.float32, out: Matrix) -> None:
    """Into `out` [N, O] the `rows` [N, I] times `matrix` [I, O], scaled to `length` where that is above 0."""
    places = np.empty(rows.shape[1], np.int64)
    for number in range(len(rows)):
        row = out[number]
        row[:] = ZERO
        add_rows(row, rows[number], places, matrix)
        if length > ZERO:
            norm = np.float32(np.sqrt(dot(row, row)))
            # As torch.nn.functional.normalize.
            row *= length / max(norm, np.float32(1e-12))
