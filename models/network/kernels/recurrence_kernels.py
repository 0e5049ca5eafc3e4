"""The steps of a GRU or an LSTM, click by click: a state depends on its own clicks and on no other row.

Equations as in `torch.nn.GRU` and `torch.nn.LSTM`. All numbers are 32-bit floats. A product of a row with a
matrix adds one scaled matrix row after the other, which the compiler turns into vector instructions without
changing the order of additions.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import EXP, EXP_LEAST, EXP_MOST, HALF, LN2_HIGH, LN2_LOW, LOG2_E, ONE, kernel

Row = NDArray[np.float32]
Matrix = NDArray[np.float32]
#: Of each layer from the lowest: weights from the layer below `[I, G]` (unused in the lowest layer), the bias
#: of the inputs `[G]`, recurrent weights `[H, G]`, and the recurrent bias `[G]` where a gate needs it apart.
Layers = tuple[tuple[Matrix, Row, Matrix, Row], ...]

TWO = np.float32(2)
#: The least value that a 16-bit float rounds to infinity, and the least that it keeps with all its bits.
HALF_OVERFLOW, INFINITY = np.float32(65520), np.float32(np.inf)
HALF_NORMAL = np.float32(2.0**-14)
#: Adding and subtracting it rounds smaller numbers to multiples of 2^-24, the step of 16-bit floats there.
HALF_STEP = np.float32(0.75)


@kernel
def sigmoid(row: Row, powers: NDArray[np.int32]) -> None:
    """1 / (1 + exp(-x)) of each x of `row` [G], in place and to 2e-7; `powers` [G] is scratch."""
    for place in range(len(row)):
        value = -row[place]
        value = EXP_MOST if value > EXP_MOST else value
        value = EXP_LEAST if value < EXP_LEAST else value
        power = np.float32(np.floor(value * LOG2_E + HALF))
        rest = value - power * LN2_HIGH - power * LN2_LOW
        sum_ = ((((EXP[0] * rest + EXP[1]) * rest + EXP[2]) * rest + EXP[3]) * rest + EXP[4]) * rest + EXP[5]
        row[place] = sum_ * (rest * rest) + rest + ONE
        powers[place] = (np.int32(power) + np.int32(127)) << np.int32(23)
    scale = powers.view(np.float32)
    for place in range(len(row)):
        row[place] = ONE / (ONE + row[place] * scale[place])


@kernel
def add_product(out: Row, row: Row, matrix: Matrix) -> None:
    """Add `row` [I] times `matrix` [I, G] to `out` [G]."""
    for place in range(len(row)):
        value = row[place]
        weights = matrix[place]
        for gate in range(len(out)):
            out[gate] += value * weights[gate]


@kernel
def round_to_half(row: Row) -> None:
    """Round to the nearest 16-bit float, ties to even, as numpy and torch do."""
    bits = row.view(np.uint32)
    for place in range(len(row)):
        value = row[place]
        if abs(value) >= HALF_OVERFLOW:
            row[place] = INFINITY if value > 0 else -INFINITY
        elif abs(value) < HALF_NORMAL:
            step = HALF_STEP if value > 0 else -HALF_STEP
            row[place] = (value + step) - step
        elif value == value:
            odd = (bits[place] >> np.uint32(13)) & np.uint32(1)
            bits[place] = (bits[place] + np.uint32(0xFFF) + odd) & np.uint32(0xFFFFE000)


@kernel
def gru_step(
    state: Row, inputs: Row, recurrent: Matrix, bias: Row, gates: Row, powers: NDArray[np.int32]
) -> None:
    """Advance `state` [H] by input gates [3H] in the order reset, update, new; the last two are scratch."""
    hidden = len(state)
    new = gates[2 * hidden :]
    gates[: 2 * hidden] = inputs[: 2 * hidden]
    new[:] = bias[2 * hidden :]
    add_product(gates, state, recurrent)
    sigmoid(gates[: 2 * hidden], powers[: 2 * hidden])
    for unit in range(hidden):
        new[unit] = TWO * (inputs[2 * hidden + unit] + gates[unit] * new[unit])
    sigmoid(new, powers[:hidden])
    for unit in range(hidden):
        tanh = TWO * new[unit] - ONE
        state[unit] = tanh + gates[hidden + unit] * (state[unit] - tanh)


@kernel
def lstm_step(state: Row, inputs: Row, recurrent: Matrix, gates: Row, powers: NDArray[np.int32]) -> None:
    """Advance `state` [2H], output and cell, by input gates [4H]: input, forget, new, output."""
    hidden = len(state) // 2
    output, cell = state[:hidden], state[hidden:]
    gates[:] = inputs
    add_product(gates, output, recurrent)
    new = gates[2 * hidden : 3 * hidden]
    new *= TWO
    sigmoid(gates, powers)
    for unit in range(hidden):
        cell[unit] = gates[hidden + unit] * cell[unit] + gates[unit] * (TWO * new[unit] - ONE)
        output[unit] = TWO * cell[unit]
    sigmoid(output, powers[:hidden])
    for unit in range(hidden):
        output[unit] = gates[3 * hidden + unit] * (TWO * output[unit] - ONE)


@kernel
def advance(
    carried: Matrix,
    slots: NDArray[np.int64],
    fresh: NDArray[np.bool_],
    rows: NDArray[np.int64],
    table: Matrix,
    layers: Layers,
    lstm: bool,
    halve: bool,
    states: Matrix,
) -> None:
    """Advance states `carried` [B, units] in place through N clicks in order; output after each [N, H].

    The lowest layer's gates of a click are the sum of its `rows` [N, F] of `table` [R, G] and a bias. A
    `fresh` click starts from zeros. With `halve` a state is rounded to 16-bit floats after every click.
    """
    width = table.shape[1]
    inputs, gates, powers = (
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.int32),
    )
    for click in range(len(slots)):
        row = carried[slots[click]]
        if fresh[click]:
            row[:] = 0
        inputs[:] = layers[0][1]
        for place in rows[click]:
            inputs += table[place]
        at = below = 0
        for number in range(len(layers)):
            into, bias, recurrent, recurrent_bias = layers[number]
            units = len(recurrent) * (2 if lstm else 1)
            if number > 0:
                inputs[:] = bias
                add_product(inputs, row[at - below : at - below + len(into)], into)
            if lstm:
                lstm_step(row[at : at + units], inputs, recurrent, gates, powers)
            else:
                gru_step(row[at : at + units], inputs, recurrent, recurrent_bias, gates, powers)
            at, below = at + units, units
        if halve:
            round_to_half(row)
        states[click] = row[at - below : at - below + states.shape[1]]
