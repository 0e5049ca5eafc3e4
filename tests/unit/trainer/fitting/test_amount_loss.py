"""The loss of amounts stays sane where an order is far from all others."""

import pytest
import torch

from models.contract.head_table import Layout
from models.network.heads import SPREADS, HeadModule, log_mean, log_spread
from trainer.fitting.head_losses import task_losses
from trainer.loop.targets import Targets

VALUE = Layout.of([("session_value", ())])


def loss(raw: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
    nothing = torch.zeros(len(raw), 0)
    labels = Targets(nothing, nothing.long()[..., None], amounts[:, None], nothing, torch.ones(len(raw)))
    return task_losses(HeadModule(VALUE, 3, 4, 0.0), raw, labels)[0]


@pytest.mark.parametrize("spread", [-1e4, -20.0, 0.0, 20.0, 1e4])
def test_no_outlier_makes_it_huge(spread: float) -> None:
    raw = torch.tensor([[4.0, spread]], requires_grad=True)
    made = loss(raw, torch.tensor([1e7]))
    made.backward()
    assert 0 < made.item() < 200
    assert raw.grad.abs().max() < 3 / SPREADS[0] * 65


def test_the_right_location_is_best() -> None:
    amounts = torch.exp(torch.randn(4_000, generator=torch.Generator().manual_seed(0)) * 0.5 + 4)
    tried = [loss(torch.tensor([[at, -1.1]]).repeat(4_000, 1), amounts).item() for at in (3.5, 4.0, 4.5)]
    assert min(tried) == tried[1]


def test_a_mean_is_never_made_of_the_tail_alone() -> None:
    raw = torch.tensor([[4.0, 1e6], [4.0, -1e6]])
    assert log_spread(raw[:, 1]).tolist() == pytest.approx([SPREADS[1], SPREADS[0]])
    assert log_mean(raw).tolist() == pytest.approx([4 + SPREADS[1] ** 2 / 2, 4 + SPREADS[0] ** 2 / 2])
