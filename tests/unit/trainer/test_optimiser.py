"""Rows that a batch has not met stay as they are; those that it has met move as AdamW moves them."""

from copy import deepcopy

import torch
from torch import nn
from torch.nn import functional as F

from trainer.optimiser import RowwiseAdamW, clip

ROWS = torch.tensor([1, 3, 3, 0])


def table(seed: int = 0) -> nn.Parameter:
    return nn.Parameter(torch.randn(6, 4, generator=torch.Generator().manual_seed(seed)))


def loss(weights: nn.Parameter, sparse: bool, rows: torch.Tensor = ROWS) -> torch.Tensor:
    return (F.embedding(rows, weights, sparse=sparse) ** 2).sum()


def test_where_all_rows_are_met_it_is_adamw() -> None:
    ours, theirs, every = table(), table(), torch.arange(6)
    rowwise, dense = RowwiseAdamW([ours], 0.1), torch.optim.AdamW([theirs], weight_decay=0.1)
    for _ in range(4):
        for optimiser, weights, sparse in ((rowwise, ours, True), (dense, theirs, False)):
            optimiser.zero_grad()
            loss(weights, sparse, every).backward()
            optimiser.step()
    torch.testing.assert_close(ours, theirs)


def test_other_rows_and_their_moments_stay() -> None:
    weights = table()
    optimiser = RowwiseAdamW([weights], 0.1)
    loss(weights, True).backward()
    optimiser.step()
    changed = (weights != table()).any(1)
    assert changed.tolist() == [True, True, False, True, False, False]
    assert not optimiser.state[weights]["exp_avg_sq"][~changed].any()


def test_dense_and_sparse_are_clipped_together() -> None:
    found = []
    for sparse in (True, False):
        weights, other = table(), table(1)
        (loss(weights, sparse) + (other**2).sum()).backward()
        if sparse:
            clip([weights, other], 0.5)
        else:
            nn.utils.clip_grad_norm_([weights, other], 0.5)
        assert weights.grad is not None
        assert other.grad is not None
        found.append((weights.grad.to_dense(), other.grad))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_its_state_is_kept_and_taken_up_again() -> None:
    weights = table()
    optimiser = RowwiseAdamW([weights], 0.1)
    loss(weights, True).backward()
    optimiser.step()
    copy = nn.Parameter(weights.detach().clone())
    later = RowwiseAdamW([copy], 0.1)
    later.load_state_dict(deepcopy(optimiser.state_dict()))
    for one, its in ((optimiser, weights), (later, copy)):
        one.zero_grad()
        loss(its, True).backward()
        one.step()
    assert torch.equal(weights, copy)
