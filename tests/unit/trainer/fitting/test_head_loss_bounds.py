"""Losses of heads stay sane: where an order is far from all others, and at the lines of an order."""

import polars as pl
import pytest
import torch

from models.contract.head_table import BY_NAME, Layout
from models.network.heads import SPREADS, HeadModule, log_mean, log_spread
from trainer.fitting.head_losses import calibrate, task_losses
from trainer.logs.log_replay import replay_log
from trainer.loop.targets import HeadPlan, Targets, targets

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


def test_no_label_is_out_of_the_question() -> None:
    """An order's lines follow each other, while the session does not buy again: a loss of 1e9 a click."""
    steps = [*("view_item", "add_to_cart", "purchase", "purchase", "purchase", "view_item")] * 40
    frame = pl.LazyFrame(
        {
            "event_id": [f"e{number}" for number in range(len(steps))],
            "visitor_id": [f"v{number // 6}" for number in range(len(steps))],
            "ts": [1_600_000_000_000 + 30_000 * number for number in range(len(steps))],
            "event": steps,
            "item_id": [f"i{number % 5}" for number in range(len(steps))],
        }
    )
    classes = BY_NAME["next_event"].classes
    assert isinstance(classes, tuple)
    found = targets(replay_log(frame).examples().grouped(), HeadPlan((("next_event", classes),), 7.0))
    assert (found.classes[:, 0, 0] == classes.index("purchase")).sum() > 80
    tasks = HeadModule(Layout.of([("next_event", classes)]), 3, 4, 0.0)
    raw = torch.zeros(len(found.classes), len(classes))
    assert task_losses(tasks, raw, found)[0] < 3
    # Where a temperature is chosen, such a loss would always choose the same one.
    raw[torch.arange(len(raw)), found.classes[:, 0, 0].long()] = 9.0
    calibrate(tasks, raw, found)
    assert tasks.lines[0, 0] > 1
