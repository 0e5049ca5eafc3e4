"""What items are about: vectors made of titles, pictures or sounds, joined to the items' own embeddings.

An item that few have clicked, or nobody, is then near the items that are like it. While training, a share of
the items is left without its own embedding, so that the vectors learn to stand alone (Volkovs et al. 2017,
"DropoutNet: addressing cold start in recommender systems").
"""

from typing import Final

import torch
from torch import Tensor, nn

#: Share of the items that learn without their own embedding, anew for each batch.
DROPPED: Final = 0.3


class ItemContent(nn.Module):
    """Vectors `[V, D]` of unit length, zeros for items without (`known` [V] is 0), and their projection."""

    vectors: Tensor
    known: Tensor

    def __init__(self, items: int, width: int, embedding: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(items, width))
        self.register_buffer("known", torch.zeros(items))
        self.projection = nn.Linear(width, embedding, bias=False)
        nn.init.normal_(self.projection.weight, std=0.05)

    def set(self, vectors: Tensor, known: Tensor) -> None:
        """Take the items' vectors `[V, D]`, of any length, and which of them there are `[V]`."""
        self.known.copy_(known)
        self.vectors.copy_(nn.functional.normalize(vectors, dim=-1) * self.known[:, None])

    def forward(self, table: Tensor) -> Tensor:
        """The input table `[R, E]` whose rows 1 to V, the items', have their content added."""
        first, own, rest = table.tensor_split([1, 1 + len(self.vectors)])
        if self.training:
            left = torch.rand(len(own), 1, device=own.device) < DROPPED * self.known[:, None]
            own = own.masked_fill(left, 0)
        return torch.cat([first, own + self.projection(self.vectors), rest])
