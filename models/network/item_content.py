"""Item content: vectors of titles, pictures or sounds, added to the items' own embeddings.

An item with few clicks, or none, is then near similar items. In training, a share of the items is used
without its own embedding, so that the content alone suffices (Volkovs et al. 2017, "DropoutNet: addressing
cold start in recommender systems").
"""

from typing import Final

import torch
from torch import Tensor, nn

#: Share of the items without their own embedding, drawn for each batch.
DROPPED: Final = 0.3


class ItemContent(nn.Module):
    """Content vectors `[V, D]` of unit length and their projection.

    `known` [V] is 1 for items with a vector; the vectors of the others are zeros.
    """

    vectors: Tensor
    known: Tensor

    def __init__(self, items: int, width: int, embedding: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(items, width))
        self.register_buffer("known", torch.zeros(items))
        self.projection = nn.Linear(width, embedding, bias=False)
        nn.init.normal_(self.projection.weight, std=0.05)

    def set(self, vectors: Tensor, known: Tensor) -> None:
        """Set the vectors `[V, D]`, of any length, and for which items there is one, `known` [V]."""
        self.known.copy_(known)
        self.vectors.copy_(nn.functional.normalize(vectors, dim=-1) * self.known[:, None])

    def forward(self, table: Tensor) -> Tensor:
        """The input table `[R, E]` with the content added to rows 1 to V, those of the items."""
        first, own, rest = table.tensor_split([1, 1 + len(self.vectors)])
        if self.training:
            left = torch.rand(len(own), 1, device=own.device) < DROPPED * self.known[:, None]
            own = own.masked_fill(left, 0)
        return torch.cat([first, own + self.projection(self.vectors), rest])
