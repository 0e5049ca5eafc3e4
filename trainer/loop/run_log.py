"""What a training run records beside its weights: the learning curve and checkpoints."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from xxhash import xxh3_64

from models.features.features import FEATURES_VERSION
from models.network.network import Network
from trainer.loop import distributed
from trainer.loop.checkpoint import AGAIN, EVERY, MEMBER, ORIGIN, Checkpoint
from trainer.loop.data import Data
from trainer.loop.loop import Judge, Loop
from trainer.loop.options import Options
from trainer.loop.progress import Point


@dataclass
class Journal:
    """Records of one network's training.

    `checkpoint` is the folder of its checkpoints (None: none are written), one every `every` seconds. After
    the run, `curve` has its epochs and `seconds` the time that they took, epochs before a kill included.
    """

    checkpoint: Path | None = None
    every: float = EVERY
    curve: list[Point] = field(default_factory=list)
    seconds: float = 0.0
    _checkpoint: Checkpoint | None = None

    def of(self, number: int) -> "Journal":
        """The journal of one of several networks; number 0 is the kept one, which uses this journal."""
        if number == 0:
            return self
        folder = self.checkpoint / f"{MEMBER}{number}" if self.checkpoint else None
        return Journal(folder, self.every)

    def for_refit(self) -> "Journal":
        """The journal of the refit of the same run."""
        return Journal(self.checkpoint / AGAIN if self.checkpoint else None, self.every)

    def of_origin(self, number: int) -> "Journal":
        """The journal of the network of an earlier origin (`trainer.training.earlier_origins`)."""
        return Journal(self.checkpoint / f"{ORIGIN}{number}" if self.checkpoint else None, self.every)

    def begin(self, network: Network, train: Data, valid: Data | None, options: Options) -> None:
        """Describe the run, before the network changes."""
        if self.checkpoint is not None:
            self._checkpoint = Checkpoint(
                self.checkpoint, _described(network, train, valid, options), self.every
            )

    def passed(self, stage: str) -> bool:
        """Whether the interrupted run had finished this stage. Raises CheckpointError."""
        found = self._checkpoint.stage() if self._checkpoint else None
        return found is not None and found != stage

    def run(self, loop: Loop, judge: Judge | None) -> None:
        """Run a stage, or continue it where it was interrupted. Raises CheckpointError."""
        checkpoint, loop.before = self._checkpoint, self.seconds
        if checkpoint:
            checkpoint.resume(loop)
        loop.run(judge, checkpoint.pause if checkpoint else lambda _: None)
        self.curve[:], self.seconds = loop.curve, loop.before + loop.schedule.elapsed


def _described(network: Network, train: Data, valid: Data | None, options: Options) -> dict[str, Any]:
    """What identifies a run: it may only be continued with the same options, data and first weights."""
    digest = xxh3_64()
    for array in _arrays((*network.state_dict().values(), train, valid)):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return {
        "options": asdict(options),
        "processes": distributed.count(),
        "features": FEATURES_VERSION,
        "clicks": len(train.rows),
        "log and first weights": digest.hexdigest(),
    }


def _arrays(values: Iterable[Any]) -> Iterator[NDArray[Any]]:
    """All arrays and tensors in nested tuples."""
    for value in values:
        if isinstance(value, tuple):
            yield from _arrays(value)
        elif value is not None:
            yield value.cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
