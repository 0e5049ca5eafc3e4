"""A causal convolution over the last clicks: gated layers, each with twice the dilation of the one below.

As NextItNet (Yuan et al. 2019, "A simple convolutional generative network for next item recommendation"),
with the gates of Dauphin et al. 2017. A session is padded with zeros before its first click, so a state is
the same whether the whole session or only its context is read.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.network.encoder import Shape
from models.network.windows import Windowed

#: Defaults, with a context of 1 + 2 * (1 + 2 + 4 + 8) = 31 clicks.
LAYERS, TAPS = 4, 3


class Layer(nn.Module):
    """Mixes each click with the clicks 1, 2, ... `taps - 1` times `dilation` before it."""

    def __init__(self, shape: Shape, taps: int, dilation: int) -> None:
        super().__init__()
        self.taps, self.dilation, self.reach = taps, dilation, (taps - 1) * dilation
        self.before = nn.LayerNorm(shape.hidden)
        self.mix = nn.Linear(taps * shape.hidden, 2 * shape.hidden)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, inputs: Tensor, present: Tensor | None, wanted: int) -> Tensor:
        """The last `wanted` of the sequences `[B, T, H]`."""
        seen = self.before(inputs)
        if present is not None:
            seen = seen.masked_fill(~present[..., None], 0)
        seen = F.pad(seen, (0, 0, max(0, wanted + self.reach - seen.shape[1]), 0))[
            :, -(wanted + self.reach) :
        ]
        firsts = range(0, self.taps * self.dilation, self.dilation)
        mixed = self.mix(torch.cat([seen[:, first : first + wanted] for first in firsts], -1))
        made: Tensor = inputs[:, -wanted:] + self.dropout(F.glu(mixed))
        return made


class Convolution(Windowed):
    """A state depends on `1 + (window - 1) * (2 ** layers - 1)` clicks. Raises EncoderError for too many."""

    def __init__(self, shape: Shape) -> None:
        layers, taps = shape.layers or LAYERS, shape.window or TAPS
        super().__init__(shape, 1 + (taps - 1) * (2**layers - 1))
        self.inlet = nn.Sequential(nn.LayerNorm(shape.embedding), nn.Linear(shape.embedding, shape.hidden))
        self.layers = nn.ModuleList(Layer(shape, taps, 2**depth) for depth in range(layers))
        self.outlet = nn.LayerNorm(shape.hidden)
        #: Number of earlier clicks that the layers above each layer read.
        self.above = [(taps - 1) * (2**layers - 2 ** (depth + 1)) for depth in range(layers)]

    def tail(self, inputs: Tensor, present: Tensor | None, wanted: int) -> Tensor:
        """See `Windowed`. Each layer computes only the states that the layers above it read."""
        states = self.inlet(inputs)
        for layer, above in zip(self.layers, self.above, strict=True):
            there = None if present is None else present[:, -states.shape[1] :]
            states = layer(states, there, min(states.shape[1], wanted + above))
        made: Tensor = self.outlet(states)
        return made
