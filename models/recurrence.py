"""The serving form of the encoder: one GRU step per click, the same bits however clicks are chunked.

The input projection of every table row is computed once, so that a click's gates are a sum of five rows.
Steps run on blocks of a fixed size, because a matrix product's last bits depend on its shape; the state is
rounded to fp16 after every click, which is how the visitor's record keeps it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

#: Rows of a step. A chunk's last block is padded to it.
ROWS = 64


class Recurrence:
    """`step` over blocks for a GRU with H hidden units and an input table of R rows."""

    def __init__(self, table: Tensor, encoder: nn.GRU) -> None:
        # Input and hidden weights, then input and hidden biases; gates in the order reset, update, new.
        w_in, w_hidden, b_in, b_hidden = (weight.detach() for weight in encoder.parameters())
        self.width = encoder.hidden_size
        self.gates = (table.detach() @ w_in.T).contiguous()
        self.recurrent = w_hidden.T.contiguous()
        # The new gate's recurrent bias is multiplied by the reset gate: it cannot join the inputs'.
        self.bias = b_in.clone()
        self.bias[: 2 * self.width] += b_hidden[: 2 * self.width]
        self.new_bias = b_hidden[2 * self.width :].clone()

    def inputs(self, rows: NDArray[np.int64]) -> Tensor:
        """Input gates `[N, 3H]` of N clicks from their table rows `[N, FIELDS]`."""
        where = torch.from_numpy(rows).to(self.gates.device)
        return F.embedding_bag(where, self.gates, mode="sum").add_(self.bias)

    def _step(self, hidden: Tensor, inputs: Tensor) -> Tensor:
        two = 2 * self.width
        recurrent = hidden @ self.recurrent
        reset, update = torch.sigmoid(inputs[:, :two] + recurrent[:, :two]).chunk(2, 1)
        new = torch.tanh(inputs[:, two:] + reset * (recurrent[:, two:] + self.new_bias))
        return torch.lerp(new, hidden, update).half().float()

    def walk(self, hidden: Tensor, slots: Tensor, fresh: Tensor, inputs: Tensor, ends: list[int]) -> Tensor:
        """Advance `hidden` `[B, H]` in place through clicks in wave order; the state after each click `[N,
        H]`.

        `slots`, `fresh` and `inputs` are in wave order, `ends` says where each wave ends; no slot is twice in
        a wave.
        """
        states = torch.empty(len(slots), self.width, device=hidden.device)
        block, gates = hidden.new_zeros(ROWS, self.width), inputs.new_zeros(ROWS, inputs.shape[1])
        for start, stop in _blocks(ends):
            size, where = stop - start, slots[start:stop]
            block[:size] = hidden[where].masked_fill_(fresh[start:stop, None], 0)
            gates[:size] = inputs[start:stop]
            state = self._step(block, gates)[:size]
            states[start:stop] = state
            hidden[where] = state
        return states


def _blocks(ends: list[int]) -> list[tuple[int, int]]:
    starts = [0, *ends[:-1]]
    return [
        (at, min(at + ROWS, end))
        for start, end in zip(starts, ends, strict=True)
        for at in range(start, end, ROWS)
    ]
