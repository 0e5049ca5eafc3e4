"""The table moves as Adagrad moves it, only where a batch has met it; all else as AdamW does."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from trainer.loop.optimiser import Optimiser, clip

ROWS = torch.tensor([1, 3, 3, 0])


def table(seed: int = 0) -> nn.Parameter:
    return nn.Parameter(torch.randn(6, 4, generator=torch.Generator().manual_seed(seed)))


def loss(weights: nn.Parameter, sparse: bool, rows: torch.Tensor = ROWS) -> torch.Tensor:
    return (F.embedding(rows, weights, sparse=sparse) ** 2).sum()


def optimiser(weights: nn.Parameter, *others: nn.Parameter) -> Optimiser:
    return Optimiser([weights, *others], 0.01, 0.1, weights, 0.05)


@pytest.mark.parametrize("sparse", [True, False])
def test_the_table_moves_by_adagrad_and_the_rest_by_adamw(sparse: bool) -> None:
    weights, other, table_alike, other_alike = table(), table(1), table(), table(1)
    ours = optimiser(weights, other)
    theirs = torch.optim.Adagrad([table_alike], lr=0.05), torch.optim.AdamW([other_alike], 0.01)
    theirs[1].param_groups[0]["weight_decay"] = 0.1
    for rows in (ROWS, torch.tensor([2, 3]), ROWS):
        (loss(weights, sparse, rows) + (other**2).sum()).backward()
        (loss(table_alike, False, rows) + (other_alike**2).sum()).backward()
        for one in (ours, *theirs):
            one.step()
            one.zero_grad()
    torch.testing.assert_close(weights, table_alike)
    torch.testing.assert_close(other, other_alike)


def test_without_a_rate_of_its_own_the_table_moves_by_adamw() -> None:
    ours, alike = table(), table()
    for weights, one in (
        (ours, Optimiser([ours], 0.01, 0.1, ours)),
        (alike, torch.optim.AdamW([alike], 0.01, weight_decay=0.1)),
    ):
        loss(weights, False).backward()
        one.step()
    torch.testing.assert_close(ours, alike)


@pytest.mark.parametrize("sparse", [True, False])
def test_other_rows_and_their_sums_stay(sparse: bool) -> None:
    weights = table()
    ours = optimiser(weights)
    loss(weights, sparse).backward()
    ours.step()
    changed = (weights != table()).any(1)
    assert changed.tolist() == [True, True, False, True, False, False]
    assert not ours.state[weights]["sum"][~changed].any()


def test_a_table_that_is_held_is_left_alone() -> None:
    weights, other = table().requires_grad_(False), table(1)
    ours = Optimiser([other], 0.01, 0.1, weights, 0.05)
    (other**2).sum().backward()
    ours.step()
    assert torch.equal(weights, table())


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
    ours = optimiser(weights)
    loss(weights, True).backward()
    ours.step()
    copy = nn.Parameter(weights.detach().clone())
    later = optimiser(copy)
    later.load_state_dict(deepcopy(ours.state_dict()))
    for one, its in ((ours, weights), (later, copy)):
        one.zero_grad()
        loss(its, True).backward()
        one.step()
    assert torch.equal(weights, copy)
