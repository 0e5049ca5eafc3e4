"""The learning rate over a run, and its time budget."""

import math
import time

from trainer.loop import distributed
from trainer.loop.optimiser import Optimiser
from trainer.loop.options import Options


class LearningRateSchedule:
    """A linear warm-up to each group's `peak`, then half a cosine to zero (Loshchilov, Hutter 2017).

    The run ends after its `epochs` or its `seconds`, whichever comes first; the schedule always reaches its
    end. `elapsed` includes the time of an earlier part of the run.
    """

    def __init__(self, optimiser: Optimiser, options: Options) -> None:
        self._optimiser, self._options = optimiser, options
        self._began = time.monotonic()
        self.done = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds of training so far."""
        return time.monotonic() - self._began

    def resume(self, elapsed: float) -> None:
        """Continue as if the training had begun `elapsed` seconds ago."""
        self._began = time.monotonic() - elapsed

    def spent(self) -> bool:
        """Whether the time was over at the last `set`."""
        return self.done > 1

    def set(self, epochs: float) -> None:
        """Set the rates for the position `epochs`, which counts parts of an epoch as well."""
        options = self._options
        timed = distributed.first_says(self.elapsed) / options.seconds if options.seconds else math.inf
        self.done = max(min(1.0, epochs / options.epochs), timed)
        at = min(1.0, self.done)
        warm = min(1.0, at / options.warm_up) if options.warm_up else 1.0
        share = warm * (1 + math.cos(math.pi * at)) / 2
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * share
