"""Conservative Double DQN with dueling heads, off-line, over sequences of decisions.

Fitted in `horizon` backups: the first network predicts the reward alone, the h-th the rewards of h decisions,
from the one before as target (van Hasselt et al. 2016 for the double maximum). The conservative term (Kumar
et al. 2020) lowers values of actions that the log does not show; `alpha` 0 is plain Double DQN.

Each backup is a regression, which ends when its loss on the log's last part does. That loss says nothing of
the policy, so the number of backups is chosen by what the policy is worth (`judge`): the best one is kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from trainer.policies.dueling_network import DuelingNetwork
from trainer.policies.learning_data import LearningData
from trainer.policies.transitions import Transitions, transitions

#: A backup ends after so many epochs without a smaller loss on the validation part.
PATIENCE: Final = 2

Tensors = dict[str, NDArray[Any]]


class DeepQ(NamedTuple):
    """Tensors of the kind `dqn`, in units of reward, and after how many backups they were kept."""

    tensors: Tensors
    backups: int


@dataclass(frozen=True)
class DeepQSettings:
    """`gamma` discounts; `horizon` is how many decisions a value looks ahead; `alpha` weighs the conservative
    term; `steps` rewards are summed before the target network follows; `epochs` is the most of one backup.
    """

    gamma: float = 0.95
    horizon: int = 8
    alpha: float = 0.1
    steps: int = 1
    epochs: int = 12
    batch: int = 512
    hidden: tuple[int, ...] = (64, 32)
    learning_rate: float = 3e-3
    decay: float = 1e-4


def fit_deep_q(
    data: LearningData,
    settings: DeepQSettings,
    seed: int,
    device: str = "cpu",
    judge: Callable[[Tensors], float] | None = None,
) -> DeepQ:
    """`judge` values the policy of some tensors, NaN if it cannot; without it all backups are made."""
    moves = transitions(data, settings.gamma, settings.steps)
    order = data.in_time()
    generator = torch.Generator().manual_seed(seed)
    network = DuelingNetwork(data.rows, data.inputs.shape[1], settings.hidden, generator).to(device)
    fitting = _Fitting(network, moves, settings, generator, device)
    best = _BestBackup(judge)
    for _ in fitting.backups(np.sort(order[: _cut(len(order))]), np.sort(order[_cut(len(order)) :])):
        best.take(network.tensors(moves.scale))
    return best.kept


def _cut(count: int) -> int:
    return count - max(1, count // 5)


class _BestBackup:
    """Keeps the backup that is worth most, the earliest of equal ones; the last where none can be valued."""

    def __init__(self, judge: Callable[[Tensors], float] | None) -> None:
        self._judge, self._value, self._made = judge, -np.inf, 0
        self.kept = DeepQ({}, 0)

    def take(self, tensors: Tensors) -> None:
        """Judge a backup. A reward many decisions ahead shows late, so a plateau ends nothing."""
        self._made += 1
        value = float("nan") if self._judge is None else self._judge(tensors)
        if value > self._value or not np.isfinite(self._value):
            self.kept = DeepQ(tensors, self._made)
        self._value = max(self._value, value) if np.isfinite(value) else self._value


class _Fitting:
    """One network on its way through the backups."""

    def __init__(
        self,
        network: DuelingNetwork,
        moves: Transitions,
        settings: DeepQSettings,
        generator: torch.Generator,
        device: str,
    ) -> None:
        self._network, self._settings, self._generator = network, settings, generator
        self._moves = moves.on(device)
        self._optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.decay
        )

    def backups(self, train: NDArray[np.int64], valid: NDArray[np.int64]) -> Iterator[None]:
        """Make one backup after another; a log without sequences needs one."""
        backups = self._settings.horizon if bool(self._moves.goes_on.any()) else 1
        for backup in range(max(1, backups)):
            targets = self._targets(first=backup == 0)
            self._backup(torch.from_numpy(train), torch.from_numpy(valid), targets)
            yield

    @torch.no_grad()
    def _targets(self, first: bool) -> Tensor:
        """Rewards, and the value of the best next action as this backup's start sees it."""
        moves = self._moves
        if first:
            return moves.reward
        values = self._network(moves.inputs)[moves.following]
        best = values.masked_fill(~moves.allowed[moves.following], -torch.inf).argmax(1, keepdim=True)
        ahead = values.gather(1, best)[:, 0]
        targets: Tensor = moves.reward + moves.discount * moves.goes_on * ahead
        return targets

    def _backup(self, train: Tensor, valid: Tensor, targets: Tensor) -> None:
        best, waited, kept = float("inf"), 0, self._network.state_dict()
        for _ in range(self._settings.epochs):
            for rows in self._batches(train):
                self._optimiser.zero_grad()
                self._loss(rows, targets).backward()  # type: ignore[no-untyped-call]
                self._optimiser.step()
            loss = self._judge(valid, targets)
            waited = 0 if loss < best else waited + 1
            if loss < best:
                best = loss
                kept = {name: value.clone() for name, value in self._network.state_dict().items()}
            if waited >= PATIENCE:
                break
        self._network.load_state_dict(kept)

    def _batches(self, rows: Tensor) -> Iterator[Tensor]:
        shuffled = rows[torch.randperm(len(rows), generator=self._generator)]
        return iter(torch.split(shuffled, self._settings.batch))

    def _loss(self, rows: Tensor, targets: Tensor) -> Tensor:
        """Squared error (Huber) beside the conservative term, over the actions allowed there."""
        moves = self._moves
        values = self._network(moves.inputs[rows])
        taken = values.gather(1, moves.action[rows][:, None])[:, 0]
        loss = F.smooth_l1_loss(taken, targets[rows])
        if self._settings.alpha:
            open_to = values.masked_fill(~moves.allowed[rows], -torch.inf)
            loss = loss + self._settings.alpha * (open_to.logsumexp(1) - taken).mean()
        return loss

    @torch.no_grad()
    def _judge(self, rows: Tensor, targets: Tensor) -> float:
        return float(self._loss(rows, targets))
