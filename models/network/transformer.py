"""A causal transformer over the last clicks: blocks as in GPT-2, with attention in a sliding window.

As SASRec (Kang and McAuley 2018, "Self-attentive sequential recommendation"), but with relative positions: a
learned bias per distance and head (as in T5, Raffel et al. 2020). So a state is the same whether the whole
session or only its context is read. Windows are stacked as in Longformer (Beltagy et al. 2020).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.network.encoder import EncoderError, Shape
from models.network.windows import Windowed
from models.state.visitor import KEPT_CODES

#: Added to the score of an absent click; finite, so that a row without any click has no NaN.
ABSENT = -1e9
#: Default number of blocks.
LAYERS = 2


class Attention(nn.Module):
    """Each click attends to itself and to the `window - 1` clicks before it."""

    def __init__(self, shape: Shape, window: int) -> None:
        super().__init__()
        self.heads, self.window, self.dropout = shape.attention_heads, window, shape.dropout
        self.query = nn.Linear(shape.hidden, shape.hidden)
        self.pair = nn.Linear(shape.hidden, 2 * shape.hidden)
        self.out = nn.Linear(shape.hidden, shape.hidden)
        self.bias = nn.Embedding(window, self.heads)
        nn.init.zeros_(self.bias.weight)

    def forward(self, inputs: Tensor, present: Tensor | None, wanted: int) -> Tensor:
        """Attention output `[B, wanted, H]` of the last `wanted` of `inputs` `[B, T, H]`."""
        query = self._by_head(self.query(inputs[:, -wanted:]))
        key, value = map(self._by_head, self.pair(inputs).chunk(2, -1))
        bias = self._biases(wanted, inputs.shape[1])
        if present is not None:
            bias = bias + torch.where(present, 0.0, ABSENT)[:, None, None]
        dropout = self.dropout if self.training else 0.0
        found = F.scaled_dot_product_attention(query, key, value, bias.to(query.dtype), dropout)
        mixed: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return mixed

    def _by_head(self, inputs: Tensor) -> Tensor:
        split = inputs.view(*inputs.shape[:2], self.heads, -1)
        return split.transpose(1, 2)

    def _biases(self, wanted: int, count: int) -> Tensor:
        """Bias of the scores of the last `wanted` of `count` clicks `[1, heads, wanted, count]`."""
        places = torch.arange(count, device=self.bias.weight.device)
        distance = places[-wanted:, None] - places
        outside = (distance < 0) | (distance >= self.window)
        bias: Tensor = self.bias(distance.clamp(0, self.window - 1))
        return bias.masked_fill(outside[..., None], -torch.inf).permute(2, 0, 1)[None]


class Block(nn.Module):
    """Attention, then a feed-forward network; both with residuals."""

    def __init__(self, shape: Shape, window: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(shape.hidden)
        self.attention = Attention(shape, window)
        self.own = nn.Sequential(
            nn.LayerNorm(shape.hidden),
            nn.Linear(shape.hidden, 4 * shape.hidden),
            nn.GELU(),
            nn.Linear(4 * shape.hidden, shape.hidden),
        )
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, inputs: Tensor, present: Tensor | None, wanted: int) -> Tensor:
        """The last `wanted` of the sequences `[B, T, H]`."""
        taken = self.attention(self.before(inputs), present, wanted)
        made: Tensor = inputs[:, -wanted:] + self.dropout(taken)
        states: Tensor = made + self.dropout(self.own(made))
        return states


class Transformer(Windowed):
    """`layers` stacked windows: a state depends on `layers * (window - 1) + 1` clicks.

    Raises EncoderError for a context longer than a record keeps, and for heads that do not divide the width.
    """

    def __init__(self, shape: Shape) -> None:
        layers = shape.layers or LAYERS
        self.window = shape.window or (KEPT_CODES - 1) // layers + 1
        super().__init__(shape, layers * (self.window - 1) + 1)
        if not shape.attention_heads or shape.hidden % shape.attention_heads:
            raise EncoderError(
                f"{shape.hidden} hidden units cannot be divided among {shape.attention_heads} attention "
                "heads: choose a number of heads that divides them"
            )
        self.inlet = nn.Sequential(nn.LayerNorm(shape.embedding), nn.Linear(shape.embedding, shape.hidden))
        self.blocks = nn.ModuleList(Block(shape, self.window) for _ in range(layers))
        self.outlet = nn.LayerNorm(shape.hidden)

    def tail(self, inputs: Tensor, present: Tensor | None, wanted: int) -> Tensor:
        """See `Windowed`. Each block computes only the states that the blocks above it read."""
        states = self.inlet(inputs)
        for above, block in zip(reversed(range(len(self.blocks))), self.blocks, strict=True):
            keep = min(states.shape[1], wanted + above * (self.window - 1))
            states = states[:, -(keep + self.window - 1) :]
            there = None if present is None else present[:, -states.shape[1] :]
            states = block(states, there, keep)
        made: Tensor = self.outlet(states)
        return made
