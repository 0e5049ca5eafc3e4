"""Losses of the further heads, and what is counted or fitted for them instead of trained."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.contract.head_table import Kind
from models.network import coherence, risk
from models.network.heads import HeadModule, log_mean, log_spread
from trainer.examples.examples import Examples
from trainer.fitting.calibrate import money, platt
from trainer.loop import distributed
from trainer.loop.targets import Targets

#: Spreads of a lognormal beyond which an amount is far from what was expected.
FAR = 3.0


#: Losses of clicks [N], and which of them have a label [N].
ClickLosses = tuple[Tensor, Tensor]


def initialise(tasks: HeadModule, grouped: Examples) -> None:
    """Set the risk table, which is counted instead of trained."""
    tasks.ratios.copy_(torch.from_numpy(risk_ratios(grouped)))


def risk_ratios(grouped: Examples) -> NDArray[np.float32]:
    """The risk table (`models.network.risk.SHAPE`) of clicks grouped by session."""
    event, dwell = grouped.codes["event"], grouped.codes["dwell"]
    after = np.flatnonzero(np.diff(grouped.session, prepend=-1) == 0)
    return risk.table(event[after - 1], event[after], dwell[after], dwell[after - 1])


def task_losses(tasks: HeadModule, raw: Tensor, labels: Targets, weights: Tensor | None = None) -> Tensor:
    """Mean loss of each head [heads] over its labelled clicks; 0 for a head without labels in the batch.

    `weights` [N] multiply the clicks' losses.
    """
    losses = raw.new_zeros(len(tasks.layout.parts))
    raw = coherence.without_impossible_classes(tasks.layout, raw, labels.buys)
    for kind, loss, of_kind in (
        (Kind.BINARY, _binary, labels.binary),
        (Kind.CLASSES, _class, labels.classes),
        (Kind.AMOUNT, _amount, labels.amount),
        (Kind.RATING, _rating, labels.rating),
    ):
        for place, (number, part) in enumerate(tasks.layout.of_kind(kind)):
            line = tasks.lines[number]
            each, known = loss(raw[:, part.raw].float(), of_kind[:, place], line)
            losses[number] = _mean(each if weights is None else each * weights, known)
    return losses


def _mean(losses: Tensor, known: Tensor) -> Tensor:
    counted = known.sum()
    return (losses * known).sum() / counted.clamp_min(1) * distributed.share(counted)


def _binary(raw: Tensor, label: Tensor, _line: Tensor) -> ClickLosses:
    losses = F.binary_cross_entropy_with_logits(raw[:, 0], label.nan_to_num(), reduction="none")
    return losses, ~label.isnan()


def _class(raw: Tensor, label: Tensor, _line: Tensor) -> ClickLosses:
    """Cross entropy; all labels of a click have the same weight."""
    known = label >= 0
    log_probabilities = raw.log_softmax(-1).gather(1, label.long().clamp_min(0))
    share = known / known.sum(1, keepdim=True).clamp_min(1)
    return -(log_probabilities * share).sum(1), known.any(1)


def _amount(raw: Tensor, label: Tensor, _line: Tensor) -> ClickLosses:
    """Negative log likelihood of a lognormal distribution of amounts, where anything was paid.

    Beyond FAR spreads it is linear (Huber 1964), so that one order far from all others does not lead.
    """
    paid = label.nan_to_num() > 0
    spread = log_spread(raw[:, 1])
    off = (label.nan_to_num().clamp_min(1e-2).log() - raw[:, 0]) / spread
    return F.huber_loss(off, torch.zeros_like(off), reduction="none", delta=FAR) + spread.log(), paid


def _rating(raw: Tensor, label: Tensor, line: Tensor) -> ClickLosses:
    known = ~label.isnan()
    return (raw[:, 0] - (label.nan_to_num() - line[1]) / line[0]) ** 2, known


def calibrate(tasks: HeadModule, raw: Tensor, labels: Targets, learned: Targets | None = None) -> None:
    """Fit the calibration of every head on validation outputs `[N, layout.raw]`; without labels it does not
    change.

    `learned` are the training labels; they determine where amounts are clipped.
    """
    calibrate_probabilities(tasks, raw, labels)
    learned = learned or labels
    for place, (number, part) in enumerate(tasks.layout.of_kind(Kind.AMOUNT)):
        logs = log_mean(raw[:, part.raw]).numpy()
        line = money(logs, labels.amount[:, place].numpy(), learned.amount[:, place].numpy())
        tasks.lines[number] = torch.tensor(line)


def calibrate_probabilities(tasks: HeadModule, raw: Tensor, labels: Targets) -> None:
    """Fit the calibration of yes-or-no heads and distributions on validation outputs `[N, layout.raw]`.

    Each head is fitted under the condition that it was trained under, so that the combined answers are
    calibrated as well.
    """
    raw = coherence.without_impossible_classes(tasks.layout, raw, labels.buys)
    for place, (number, part) in enumerate(tasks.layout.of_kind(Kind.BINARY)):
        label = labels.binary[:, place].numpy()
        known = ~np.isnan(label)
        line = platt(raw[:, part.raw].numpy()[known, 0], label[known])
        tasks.lines[number] = torch.tensor(line)
    for place, (number, part) in enumerate(tasks.layout.of_kind(Kind.CLASSES)):
        tasks.lines[number, 0] = _sharpness(raw[:, part.raw], labels.classes[:, place])


def calibrate_like(tasks: HeadModule, other: HeadModule) -> None:
    """Copy from another network what `calibrate` fits. A rating's line is not copied: it is the scale its
    head was trained with.
    """
    for kind in (Kind.BINARY, Kind.CLASSES, Kind.AMOUNT):
        for number, _ in tasks.layout.of_kind(kind):
            tasks.lines[number] = other.lines[number]


@torch.no_grad()  # With gradients, processes that train together would wait for each other.
def _sharpness(raw: Tensor, label: Tensor) -> float:
    """The inverse temperature with the lowest loss (Guo et al. 2017)."""
    if not (label >= 0).any():
        return 1.0
    tried = torch.linspace(0.5, 1.5, 21)
    losses = [_mean(*_class(raw * sharpness, label, raw)).item() for sharpness in tried]
    return float(tried[int(np.argmin(losses))])
