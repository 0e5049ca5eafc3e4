"""Rows that are looked up once have the values and gradients of rows that are looked up one by one."""

import pytest
import torch

from models.network.sparse_embedding import sparse_embedding


@pytest.mark.parametrize("count", [0, 1, 300])
def test_sums_and_gradients_are_those_of_an_embedding(count: int) -> None:
    chance = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 40, (count, 7), generator=chance)
    table = torch.randn(50, 6, generator=chance, requires_grad=True)
    found, expected = sparse_embedding(table, rows), table[rows].sum(1)
    torch.testing.assert_close(found, expected)
    slope = torch.randn(count, 6, generator=chance)
    (made,) = torch.autograd.grad(found, table, slope)
    (wanted,) = torch.autograd.grad(expected, table, slope)
    torch.testing.assert_close(made.to_dense(), wanted)


def test_the_gradient_has_each_row_that_was_met_once_and_no_other() -> None:
    table = torch.randn(50, 6, requires_grad=True)
    sparse_embedding(table, torch.tensor([[3, 9], [9, 3], [3, 3]])).sum().backward()
    assert table.grad is not None
    assert table.grad._nnz() == 2
    assert table.grad.coalesce().indices().tolist() == [[3, 9]]
    assert table.grad.coalesce().values()[:, 0].tolist() == [4, 2]
