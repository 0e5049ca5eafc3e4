"""Cross entropy in blocks against torch's, value and slopes."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.fitting import blockwise_cross_entropy


def parts() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    made = torch.Generator().manual_seed(3)
    queries, items, bias = (torch.randn(*shape, generator=made) for shape in ((70, 8), (50, 8), (50,)))
    return queries, items, bias, torch.randint(0, 50, (70,), generator=made)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("block", [1, 50 * 7, 1 << 20])
def test_the_loss_and_its_slopes_are_torchs(
    smoothing: float, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blockwise_cross_entropy, "BLOCK", block)
    *given, target = parts()
    ours, theirs = ([part.clone().requires_grad_() for part in given] for _ in range(2))
    found = blockwise_cross_entropy.cross_entropy(*ours, target, smoothing)
    expected = F.cross_entropy(F.linear(theirs[0], theirs[1], theirs[2]), target, label_smoothing=smoothing)
    torch.testing.assert_close(found, expected)
    (3 * found).backward()
    (3 * expected).backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_it_stays_finite_where_logits_are_large() -> None:
    queries, items, bias, target = parts()
    found = blockwise_cross_entropy.cross_entropy((300 * queries).requires_grad_(), items, bias, target, 0.0)
    assert torch.isfinite(found)


def test_a_target_that_is_out_of_reach_costs_a_finite_loss_and_is_still_learned() -> None:
    queries = torch.tensor([[1.0]], requires_grad=True)
    items = torch.tensor([[300.0], [-300.0]])
    found = blockwise_cross_entropy.cross_entropy(queries, items, torch.zeros(2), torch.tensor([1]), 0.0)
    assert 80 < found < 600
    found.backward()
    torch.testing.assert_close(queries.grad, torch.tensor([[600.0]]))


def test_without_gradients_it_says_the_same() -> None:
    queries, items, bias, target = parts()
    with torch.no_grad():
        plain = blockwise_cross_entropy.cross_entropy(queries, items, bias, target, 0.1)
    learning = blockwise_cross_entropy.cross_entropy(queries.requires_grad_(), items, bias, target, 0.1)
    torch.testing.assert_close(plain, learning.detach())
