"""One stage of training: epochs over batches of sessions, until validation no longer improves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.loop import distributed
from trainer.loop.compiling import compiled
from trainer.loop.data import Data, batches
from trainer.loop.learning_rate import LearningRateSchedule
from trainer.loop.optimiser import Optimiser, clip
from trainer.loop.options import Options
from trainer.loop.precision import halves
from trainer.loop.progress import Point, Progress, Report


class EpochFigures(NamedTuple):
    """Validation after an epoch: loss of the next item, AUC of intent, and the score to minimise."""

    next_loss: float
    auc: float
    score: float


Judge = Callable[[], EpochFigures]


@dataclass
class LoopPosition:
    """Where a stage is.

    `epoch` whole epochs are over, and `batch` batches of the current one, whose losses sum up to `total`.
    `best` is the lowest score so far, `waited` epochs ago. `next_loss` and `auc` are the last validation.
    """

    epoch: int = 0
    batch: int = 0
    total: float = 0.0
    best: float = np.inf
    waited: int = 0
    next_loss: float = np.nan
    auc: float = 0.5
    ended: bool = False


class Objective(nn.Module):
    """The loss to minimise: `forward(chosen)` is that of some segments of `data`, a scalar."""

    def __init__(self, data: Data) -> None:
        super().__init__()
        self.data = data

    def clipped(self) -> list[list[nn.Parameter]]:
        """The parameters whose gradients are clipped together."""
        return [list(self.parameters())]

    def table(self) -> Tensor | None:
        """The table whose rows have their own learning rate; None: there is none."""
        return None


class Loop:
    """Trains an objective on the data of each epoch (`data` makes them by the epoch's number).

    The next batch depends on `at`, `shuffled` (the generator at the epoch's start), `curve`, `kept`, the
    objective, the optimiser and torch's generators. A checkpoint holds all of these.
    """

    def __init__(
        self,
        stage: str,
        objective: Objective,
        data: Callable[[int], Data],
        options: Options,
        report: Report,
    ) -> None:
        self.stage, self.objective, self.options, self.report = stage, objective, options, report
        self.data = data
        self.learned = [parameter for parameter in objective.parameters() if parameter.requires_grad]
        given = options.learning_rate, options.weight_decay
        self.optimiser = Optimiser(self.learned, *given, objective.table(), options.table_rate)
        self.schedule = LearningRateSchedule(self.optimiser, options)
        self.shuffle = np.random.default_rng(options.seed)
        self.shuffled = self.shuffle.bit_generator.state
        self.at = LoopPosition()
        #: Seconds of earlier stages.
        self.before = 0.0
        self.curve: list[Point] = []
        self.kept: dict[str, Tensor] = {}
        device = self.learned[0].device
        made = compiled(objective, device) if options.compiled else objective
        self._objective = distributed.averaged(made)

    def run(self, judge: Judge | None, pause: Callable[["Loop"], None]) -> None:
        """Train to the end; with a `judge`, the objective then has the best weights, else the last ones.

        `pause` is called after each batch and each epoch, where a checkpoint can be taken.
        """
        while not self.at.ended:
            self._epoch(pause)
            self._close(judge() if judge else None)
            pause(self)
        if self.kept:
            self.objective.load_state_dict(self.kept)

    def _epoch(self, pause: Callable[["Loop"], None]) -> None:
        self.objective.data = self.data(self.at.epoch)
        chunks = self._batches()
        self.objective.train()
        for number in range(self.at.batch, len(chunks)):
            self.schedule.set(self.at.epoch + (number + 1) / len(chunks))
            loss = self._step(chunks[number])
            self.at.batch, self.at.total = number + 1, self.at.total + loss
            self._report(len(chunks), loss)
            pause(self)
            if self.schedule.spent():
                return

    def _batches(self) -> list[NDArray[np.int64]]:
        """The batches of the epoch; each has at least one segment for every process."""
        together = distributed.count()
        made = batches(self.objective.data, self.options.clicks_per_batch * together, self.shuffle)
        return [chosen for chosen in made if len(chosen) >= together]

    def _step(self, chosen: NDArray[np.int64]) -> float:
        device = self.learned[0].device
        with torch.autocast(device.type, torch.bfloat16, enabled=halves(self.options.precision, device)):
            loss: Tensor = self._objective(chosen[distributed.number() :: distributed.count()])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for parameters in self.objective.clipped():
            clip(parameters, 1.0)
        self.optimiser.step()
        return float(loss.item())

    def _report(self, batches: int, loss: float) -> None:
        at = self.at
        done = min(1.0, self.schedule.done)
        self.report(Progress(at.epoch, at.batch, batches, loss, at.auc, at.next_loss, done, stage=self.stage))

    def _close(self, judged: EpochFigures | None) -> None:
        """End an epoch: validate it, keep the weights if they are the best, decide whether to go on."""
        at = self.at
        if judged:
            at.next_loss, at.auc = judged.next_loss, judged.auc
            better = judged.score < at.best
            at.best, at.waited = (judged.score, 0) if better else (at.best, at.waited + 1)
            if better:
                self.kept = _copy(self.objective)
        mean = at.total / max(1, at.batch)
        self.curve.append(Point(self.stage, at.epoch, mean, at.next_loss, at.auc))
        at.epoch, at.batch, at.total = at.epoch + 1, 0, 0.0
        self.shuffled = self.shuffle.bit_generator.state
        patience = judged is not None and at.waited >= self.options.patience
        at.ended = patience or self.schedule.spent() or at.epoch >= self.options.epochs


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
