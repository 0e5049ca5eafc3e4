"""Self-supervised pretraining on clicks, before the heads are trained.

`causal` predicts the next click's event and item at every click that has a next one (as in GPT). `masked`
predicts the items of masked clicks from the clicks before and from the other fields of the click (the cloze
task of BERT4Rec, Sun et al. 2019, with an encoder that sees the past only).
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.features.vocabulary import EVENTS
from models.network.network import Network
from trainer.fitting.augment import masked
from trainer.fitting.sampled_softmax import next_item_loss
from trainer.loop.data import Data, padded
from trainer.loop.loop import Objective
from trainer.loop.options import Options

#: Share of the clicks that are masked.
HIDDEN = 0.15


class Pretext(Objective):
    """The pretraining objective that the options name; its own weights are discarded afterwards."""

    def __init__(self, network: Network, data: Data, options: Options) -> None:
        super().__init__(data)
        self.network, self._options = network, options
        self.event = nn.Linear(network.config.hidden, EVENTS, device=network.mean.device)

    def table(self) -> Tensor:
        """The network's input table."""
        return self.network.table.weight

    def forward(self, chosen: NDArray[np.int64]) -> Tensor:
        """The loss, a scalar."""
        where, inside = padded(self.data.bounds, chosen)
        rows = self.data.rows[where].to(self.network.mean.device)
        inside = inside.to(rows.device)
        return (
            self._masked(rows, inside) if self._options.pretrain == "masked" else self._causal(rows, inside)
        )

    def _causal(self, rows: Tensor, inside: Tensor) -> Tensor:
        hidden, followed = self.network.encode(rows)[:, :-1], inside[:, 1:]
        states, following = hidden[followed], rows[:, 1:][followed]
        if not len(states):
            return hidden.sum() * 0
        events = following[:, 2] - self.network.config.sizes.offsets[2]
        return F.cross_entropy(self.event(states).float(), events) + self._items(states, following)

    def _masked(self, rows: Tensor, inside: Tensor) -> Tensor:
        hidden = torch.rand(inside.shape, device=rows.device) < HIDDEN
        states = self.network.encode(masked(rows, hidden, self.network.config.sizes))
        asked = hidden & inside
        return self._items(states[asked], rows[asked])

    def _items(self, states: Tensor, rows: Tensor) -> Tensor:
        """The loss of the known items of clicks, from the states that predict them."""
        items = rows[:, 0] - 1
        known = torch.nonzero((items >= 0) & (items < self.network.config.items)).squeeze(1)
        options = self._options
        return next_item_loss(
            self.network, states[known], items[known], options.candidates, options.power, options.smoothing
        )


def stages(options: Options) -> tuple[Options, Options]:
    """The options of pretraining and of training; the time budget is divided in proportion to the epochs."""
    part = options.pretrain_epochs / (options.pretrain_epochs + options.epochs)
    seconds = options.seconds * part
    return (
        replace(options, epochs=options.pretrain_epochs, seconds=seconds),
        replace(options, seconds=options.seconds - seconds),
    )
