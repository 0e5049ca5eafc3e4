"""Shadow: a challenger and the version in use both score part of the live clicks, within a share of the time.

Its answers are only compared, after the answers of the chunk are committed. Both versions start from the
stored codes, so that neither has the advantage of an existing hidden state.
"""

import time

import numpy as np
import structlog

from models.features.batch import Batcher
from models.registry.versions import Version
from streams.metrics import Metrics
from streams.pipeline.chunk import CONSENTING, Chunk
from streams.rollout.comparison import VersionComparison

log = structlog.get_logger("pathcast.shadow")

#: Visitors of a chunk that are scored, and clicks of them.
VISITORS, CLICKS = 64, 128


class Shadow:
    """At most one trial at a time; `share` of the worker's time may go to it."""

    def __init__(self, share: float, metrics: Metrics) -> None:
        self.trial: VersionComparison | None = None
        self._share, self._metrics = share, metrics
        self._challenger: tuple[Version, int] | None = None
        self._rested, self._told = 0.0, (0, 0)

    @property
    def challenger(self) -> Version | None:
        """The version that is compared."""
        return self._challenger[0] if self._challenger else None

    def start(self, challenger: Version, events: int) -> None:
        """Compare from the next chunk on, until `events` clicks are scored."""
        self._challenger, self.trial, self._rested = (challenger, events), None, 0.0

    def stop(self) -> None:
        """End the comparison and drop its figures."""
        self._challenger = self.trial = None

    def forget(self, key: bytes) -> None:
        """Drop the clicks of a visitor whose outcome is pending."""
        if self.trial is not None:
            self.trial.outcomes.forget(key)

    def news(self) -> VersionComparison | None:
        """The trial if its figures have changed since the last call."""
        trial = self.trial
        known = (trial.scored, len(trial.outcomes.known)) if trial else (0, 0)
        changed, self._told = known != self._told, known
        return trial if changed else None

    def compare(self, chunk: Chunk) -> tuple[str, Exception] | None:
        """Score part of a committed chunk with both versions, if the share of time allows it.

        Returns the version that could not be compared, and why; None where nothing failed.
        """
        if self._challenger is None or chunk.version is None:
            return None
        try:
            self._compare(chunk, chunk.version, *self._challenger)
        except Exception as error:  # noqa: BLE001 - a failure of the challenger is reported and costs no answer
            self._metrics.shadow_failed.inc()
            log.error("challenger failed", version=self._challenger[0].id, reason=str(error) or repr(error))
            failed = self._challenger[0].id
            self._challenger = None
            return failed, error
        return None

    def _compare(self, chunk: Chunk, incumbent: Version, challenger: Version, events: int) -> None:
        if self.trial is None or self.trial.incumbent is not incumbent:
            self.trial = VersionComparison(challenger, incumbent, events)
        trial = self.trial
        due = trial.scored < events and time.monotonic() >= self._rested
        batcher, numbers = sample(chunk) if due else (Batcher(), [])
        if not numbers:
            trial.outcomes.take(chunk)
            return
        said, spent = trial.score(batcher.build())
        trial.outcomes.take(chunk, zip(numbers, *said.tolist(), strict=True))
        self._rested = time.monotonic() + spent * (1 / self._share - 1)
        self._tell(trial)

    def _tell(self, trial: VersionComparison) -> None:
        self._metrics.shadow_scored.inc(trial.said[-1].shape[1])
        for version, seconds in zip(("incumbent", "challenger"), trial.spent, strict=True):
            self._metrics.shadow_seconds.labels(version).observe(seconds[-1])
        difference = np.abs(trial.said[-1][0] - trial.said[-1][1])
        self._metrics.shadow_difference.set(float(difference.mean()))
        self._metrics.shadow_items.set(trial.shared / trial.scored)
        self._metrics.shadow_first_item.set(trial.first / trial.scored)
        self._metrics.shadow_outcomes.set(len(trial.outcomes.known))


def sample(chunk: Chunk) -> tuple[Batcher, list[int]]:
    """Clicks of the first consenting visitors of a chunk, and their indices in `chunk.applied`."""
    batcher, rows = chunk.batchers[CONSENTING].part(VISITORS, CLICKS)
    numbers = [number for number, applied in enumerate(chunk.applied) if applied.batch == CONSENTING]
    return batcher, [numbers[row] for row in rows]
