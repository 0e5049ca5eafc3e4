"""Rows of a large table, whose gradient has the rows that were met, each once."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def sparse_embedding(table: Tensor, rows: Tensor) -> Tensor:
    """Sums of the rows of `table` [R, E] that `rows` [N, K] names: [N, E]; the gradient is sparse.

    As `torch.nn.functional.embedding_bag(sparse=True)`, but the gradient has each row once and not once for
    every place: of a batch most are repetitions, which take longer to sort out and to add up than the batch
    takes to learn from.
    """
    distinct, places = torch.unique(rows, return_inverse=True)
    return F.embedding_bag(places, _Distinct.apply(table, distinct), mode="sum")


class _Distinct(torch.autograd.Function):
    """Rows in ascending order, none of them twice."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.shape = table.shape
        return table.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        made = torch.sparse_coo_tensor(
            rows[None], upstream[0], ctx.shape, is_coalesced=True, check_invariants=False
        )
        return made, None
