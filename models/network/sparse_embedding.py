"""Sums of embedding rows with a sparse gradient that has each distinct row once."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def sparse_embedding(table: Tensor, rows: Tensor) -> Tensor:
    """Sums of the rows of `table` [R, E] that `rows` [N, K] names: [N, E]; the gradient is sparse.

    As `torch.nn.functional.embedding_bag(sparse=True)`, but the gradient has each row once, not once for
    every occurrence. Most rows of a batch are repetitions, and adding these up would take longer than the
    rest of the step.
    """
    distinct, places = torch.unique(rows, return_inverse=True)
    return F.embedding_bag(places, _Distinct.apply(table, distinct), mode="sum")


class _Distinct(torch.autograd.Function):
    """Distinct rows of a table, in ascending order; the gradient is coalesced."""

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
