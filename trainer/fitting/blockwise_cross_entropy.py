"""Blockwise cross entropy over many items: the logits of a whole batch are never held at once."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

#: Logits in a block: enough for full speed of matrix products, few enough for a processor's cache.
BLOCK = 1 << 22


def cross_entropy(queries: Tensor, items: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Mean cross entropy, a scalar, of `queries` [N, E] against `items` [C, E] with `bias` [C].

    `target` [N] are indices of items; `smoothing` is the label smoothing. Gradients are computed in the
    forward pass (Hsu et al. 2024, "Liger kernel"), so the result cannot be differentiated twice.
    """
    if torch.is_grad_enabled():
        loss: Tensor = _BlockwiseCrossEntropy.apply(queries, items, bias, target, smoothing)
        return loss
    logits = F.linear(queries, items, bias)
    return F.cross_entropy(logits.float(), target, label_smoothing=smoothing)


class _BlockwiseCrossEntropy(torch.autograd.Function):
    """Loss and gradients in one pass over blocks of rows: the softmax is computed once, in place."""

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, items: Tensor, bias: Tensor, target: Tensor, smoothing: float
    ) -> Tensor:
        total = torch.zeros((), device=queries.device)
        d_queries, d_items = torch.empty_like(queries), torch.zeros_like(items)
        d_bias = torch.zeros_like(bias)
        rows = max(1, BLOCK // len(items))
        for at in range(0, len(queries), rows):
            block, wanted = queries[at : at + rows], target[at : at + rows]
            # Matrix products follow the surrounding autocast, sums stay in fp32.
            logits = F.linear(block, items, bias)
            loss, slope = _softmax(logits, wanted[:, None], smoothing)
            total += loss
            d_queries[at : at + rows] = slope @ items
            d_items += slope.T @ block
            d_bias += slope.sum(0)
        ctx.save_for_backward(d_queries, d_items, d_bias)
        ctx.count = len(queries)
        return total / len(queries)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        by = upstream[0] / ctx.count
        gradients = [gradient.mul_(by) for gradient in ctx.saved_tensors]
        return (*gradients, None, None)


def _softmax(logits: Tensor, wanted: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Sum of the losses of rows of logits [N, C], and its gradient [N, C] in fp32.

    A target's probability below 1e-38 counts as 1e-38, so no row costs more than 87.4; its gradient is exact.
    """
    share = smoothing / logits.shape[1]
    hit = logits.gather(1, wanted).float()
    slope = torch.softmax(logits, 1, dtype=torch.float32)
    # The log of the sum of exponentials, computed from one probability; clamping keeps the probability above
    # 0.
    sums = hit - slope.gather(1, wanted).clamp_min_(torch.finfo(torch.float32).tiny).log_()
    target_logits = (1 - smoothing) * hit.sum()
    if smoothing:
        target_logits = target_logits + share * logits.sum(dtype=torch.float32)
        slope.sub_(share)
    return sums.sum() - target_logits, slope.scatter_add_(1, wanted, torch.full_like(hit, smoothing - 1))
