"""The recurrent encoders: torch's GRU and LSTM in training, their cells over input tables in serving.

GRU as in GRU4Rec (Hidasi et al. 2016, "Session-based recommendations with recurrent neural networks"), LSTM
as in Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.network.encoder import Encoder, EncoderError, Rows, Serving, Shape
from models.network.kernels.recurrence_kernels import Matrix, Row
from models.network.recurrence import Recurrence
from models.network.wave_steps import Cell
from models.state.visitor import HIDDEN_BYTES

#: Bytes of a number in a visitor's record.
FP16_BYTES = 2


class GruCell:
    """One layer; gates in the order reset, update, new."""

    def __init__(self, w_in: Tensor, w_hidden: Tensor, b_in: Tensor, b_hidden: Tensor) -> None:
        self.hidden = self.units = w_hidden.shape[1]
        self.into, self.recurrent = w_in.T.contiguous(), w_hidden.T.contiguous()
        # The recurrent bias of the new gate is multiplied by the reset gate, so it cannot be added to the
        # input's.
        self.bias = b_in.clone()
        self.bias[: 2 * self.hidden] += b_hidden[: 2 * self.hidden]
        self.new_bias = torch.zeros_like(b_hidden)
        self.new_bias[2 * self.hidden :] = b_hidden[2 * self.hidden :]

    def step(self, state: Tensor, gates: Tensor) -> Tensor:
        """The state `[R, H]` after a click with input gates `[R, 3H]`."""
        two = 2 * self.hidden
        recurrent = torch.addmm(self.new_bias, state, self.recurrent)
        reset, update = torch.add(gates[:, :two], recurrent[:, :two]).sigmoid_().chunk(2, 1)
        new = torch.addcmul(gates[:, two:], reset, recurrent[:, two:]).tanh_()
        return torch.lerp(new, state, update)

    def arrays(self) -> tuple[Matrix, Row, Matrix, Row]:
        """Input weights and bias, recurrent weights and the new gate's own bias."""
        return _arrays(self.into, self.bias, self.recurrent, self.new_bias)


class LstmCell:
    """One layer; gates in the order input, forget, new, output. The state is output, then cell state."""

    def __init__(self, w_in: Tensor, w_hidden: Tensor, b_in: Tensor, b_hidden: Tensor) -> None:
        self.hidden = w_hidden.shape[1]
        self.units = 2 * self.hidden
        self.into, self.recurrent = w_in.T.contiguous(), w_hidden.T.contiguous()
        self.bias = b_in + b_hidden

    def step(self, state: Tensor, gates: Tensor) -> Tensor:
        """The state `[R, 2H]` after a click with input gates `[R, 4H]`."""
        output, carried = state.chunk(2, 1)
        put, keep, new, show = torch.addmm(gates, output, self.recurrent).chunk(4, 1)
        carried = torch.sigmoid(keep) * carried + torch.sigmoid(put) * torch.tanh(new)
        return torch.cat([torch.sigmoid(show) * torch.tanh(carried), carried], 1)

    def arrays(self) -> tuple[Matrix, Row, Matrix, Row]:
        """Input weights and bias, recurrent weights; both biases are one."""
        return _arrays(self.into, self.bias, self.recurrent, torch.zeros_like(self.bias))


def _arrays(*tensors: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.numpy() for tensor in tensors)


class Recurrent(Encoder):
    """Common part of both. Raises EncoderError for a state that is too large for a visitor's record."""

    context = None
    layers: nn.GRU | nn.LSTM

    def __init__(self, shape: Shape, kind: type[nn.GRU] | type[nn.LSTM]) -> None:
        super().__init__()
        count = shape.layers or 1
        between = shape.dropout if count > 1 else 0.0
        self.layers = kind(shape.embedding, shape.hidden, count, batch_first=True, dropout=between)
        kept = FP16_BYTES * sum(cell.units for cell in self.cells())
        if kept > HIDDEN_BYTES:
            raise EncoderError(
                f"{shape.encoder} with {count} x {shape.hidden} units has a state of {kept} bytes, a "
                f"visitor's record keeps {HIDDEN_BYTES}: choose fewer hidden units or layers"
            )

    @abstractmethod
    def cells(self) -> Sequence[Cell]:
        """The serving form of each layer, lowest first."""

    def full(self, inputs: Tensor) -> Tensor:
        states: Tensor = self.layers(inputs)[0]
        return states

    def serving(self, table: Tensor, rows: Rows) -> Serving:
        return Recurrence(table, self.cells(), rows)

    def _weights(self) -> list[list[Tensor]]:
        """For each layer: input and recurrent weights, then input and recurrent biases."""
        return [[weight.detach() for weight in layer] for layer in self.layers.all_weights]


class Gru(Recurrent):
    """The state has H numbers a layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape, nn.GRU)

    def cells(self) -> list[GruCell]:
        return [GruCell(*weights) for weights in self._weights()]


class Lstm(Recurrent):
    """The state has 2H numbers a layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape, nn.LSTM)

    def cells(self) -> list[LstmCell]:
        return [LstmCell(*weights) for weights in self._weights()]
