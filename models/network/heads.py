"""The heads of `models.contract.head_table` in a network: all share one trunk and one output matrix."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.contract.head_table import Kind, Layout
from models.features.batch import Batch
from models.features.features import NAMES
from models.network import coherence
from models.network.risk import risk, uncounted

#: Bounds of logits and of the logarithm of an amount, so that no answer overflows.
_LOGIT, _LOG_AMOUNT = 30.0, 20.0
#: Bounds of the standard deviation of an amount's logarithm.
SPREADS = (0.2, 1.5)


class HeadModule(nn.Module):
    """Trunk and outputs of the heads, and their calibration.

    `lines` [heads, 2] are scale and shift, fitted on validation data; `ratios` is the table of session risk
    (`models.network.risk`). Answers of single heads are conditional (`models.network.coherence`).
    `churn_days` is the horizon of `churn` in days. `noise` [2 + heads] weighs the losses of next item,
    purchase and the heads, where weights are learned.
    """

    lines: Tensor
    ratios: Tensor

    def __init__(
        self, layout: Layout, inputs: int, width: int, dropout: float, churn_days: float = 0.0
    ) -> None:
        super().__init__()
        self.layout, self.churn_days = layout, churn_days
        names = coherence.by_name(layout)
        if "search_next" in names and "next_event" not in names:
            raise ValueError("head search_next is without next_event, which it is a part of; train it again")
        self.trunk = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout))
        self.out = nn.Linear(width, layout.raw)
        self.noise = nn.Parameter(torch.zeros(2 + len(layout.parts)))
        self.register_buffer("lines", torch.tensor([[1.0, 0.0]]).repeat(len(layout.parts), 1))
        self.register_buffer("ratios", torch.from_numpy(uncounted()))
        self._classes = layout.of_kind(Kind.CLASSES)
        widths = [len(part.classes) for _, part in self._classes]
        members = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths, dtype=torch.int64))
        # The distribution of each class [C], and the same one-hot [C, D], for sums by distribution.
        self.register_buffer("_member", members, persistent=False)
        ones = (members[:, None] == torch.arange(len(widths))).float()
        self.register_buffer("_ones", ones, persistent=False)
        self._given = [
            (part.answers.start, NAMES.index(part.head.given)) for part in layout.parts if part.head.given
        ]

    def forward(self, inputs: Tensor) -> Tensor:
        """Raw outputs `[N, layout.raw]` from hidden states and normalised features `[N, H + F]`."""
        made: Tensor = self.out(self.trunk(inputs))
        return made

    def answers(self, raw: Tensor, chance: Tensor, rows: NDArray[np.float32]) -> Tensor:
        """Calibrated answers `[N, layout.answers]`: probabilities, amounts, ratings; 0 for the risk.

        They are consistent with `chance` [N], the calibrated probability that the session still buys. `rows`
        are the clicks' feature rows `[N, F]`, not normalised.
        """
        return coherence.combine(self.layout, self._calibrated(raw), chance, rows, self.churn_days)

    def _calibrated(self, raw: Tensor) -> Tensor:
        """The calibrated answer of each head by itself `[N, layout.answers]`."""
        made = raw.new_zeros(len(raw), self.layout.answers)
        for kind, answer in _ANSWERS.items():
            columns, told = self.layout.span(kind)
            numbers = [number for number, _ in self.layout.of_kind(kind)]
            if numbers:
                made[:, told] = answer(self, raw[:, columns], self.lines[numbers[0] : numbers[-1] + 1])
        return made

    def _distributions(self, raw: Tensor, lines: Tensor) -> Tensor:
        """All softmaxes in one pass: the sums by distribution are one matrix product."""
        member, ones = self._buffers["_member"], self._buffers["_ones"]
        assert member is not None
        assert ones is not None
        powers = (raw * lines[member, 0]).clamp(-_LOGIT, _LOGIT).exp()
        return powers / (powers @ ones)[:, member]

    def _probabilities(self, raw: Tensor, lines: Tensor) -> Tensor:
        return torch.sigmoid(raw * lines[:, 0] + lines[:, 1])

    def _amounts(self, raw: Tensor, lines: Tensor) -> Tensor:
        logs = log_mean(raw.reshape(len(raw), -1, 2)) * lines[:, 0] + lines[:, 1]
        return logs.clamp(max=_LOG_AMOUNT).exp()

    def _ratings(self, raw: Tensor, lines: Tensor) -> Tensor:
        return raw * lines[:, 0] + lines[:, 1]

    def batch_answers(self, raw: Tensor, chance: Tensor, batch: Batch) -> NDArray[np.float32]:
        """Answers float32 `[N, layout.answers]` of a batch's clicks; NaN where a head does not apply.

        `chance` [N] is the calibrated probability that the session still buys.
        """
        made: NDArray[np.float32] = self.answers(raw, chance, batch.features).cpu().numpy()
        for _, part in self.layout.of_kind(Kind.RISK):
            made[:, part.answers.start] = risk(batch, self.ratios.cpu().numpy())
        for column, feature in self._given:
            made[batch.features[:, feature] <= 0, column] = np.nan
        return made


_ANSWERS = {
    Kind.BINARY: HeadModule._probabilities,
    Kind.CLASSES: HeadModule._distributions,
    Kind.AMOUNT: HeadModule._amounts,
    Kind.RATING: HeadModule._ratings,
}


def log_mean(raw: Tensor) -> Tensor:
    """Logarithm of the mean of a lognormal with location and raw spread `[..., 2]`."""
    location, scale = raw.unbind(-1)
    made: Tensor = location + log_spread(scale) ** 2 / 2
    return made


def log_spread(raw: Tensor) -> Tensor:
    """Standard deviation of the logarithm of an amount, within SPREADS: no mean is made of a tail alone."""
    low, high = SPREADS
    made: Tensor = low + (high - low) * torch.sigmoid(raw)
    return made
