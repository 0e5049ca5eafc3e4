"""The live trial: workers compare a candidate with the incumbent on live clicks before it may serve.

The pending trial is stored in a file, so that a process that was killed while waiting continues where it was:
the clicks that workers have scored since, and the elapsed time, count.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from models.contract.updates import ModelReport
from models.durable_files import replace_file
from models.durations import MINUTE_MS
from models.errors import PathcastError
from models.registry.refusals import TRANSIENT
from models.registry.registry import RegistryError
from models.registry.versions import Version
from trainer.gate.gate_settings import GateSettings
from trainer.gate.shadow_rules import combined, decide, limits, shortage
from trainer.gate.verdict import Verdict

#: Seconds between two reads of the workers' reports; workers report every ten.
LOOK_SECONDS = 5.0


class Workers(Protocol):
    """The workers, reached through the topics that carry requests and reports."""

    def compare(self, version: Version, events: int) -> None:
        """Request that each worker scores `events` clicks with a version. Raises PromotionError or
        RegistryError.
        """

    def stop(self) -> None:
        """End the comparison. Raises PromotionError."""

    def reports(self) -> list[ModelReport]:
        """The latest report of each worker on each version. Raises KafkaUnreachable."""


class PendingTrial(msgspec.Struct, frozen=True, kw_only=True):
    """A pending trial since `at` (epoch ms); `before` are the times of reports that were older than it."""

    candidate: str
    incumbent: str
    at: int
    before: dict[str, int]


class TrialFindings(NamedTuple):
    """The verdict, and the figures as JSON values."""

    verdict: Verdict
    figures: dict[str, Any]


@dataclass(frozen=True)
class LiveTrial:
    """Trials on live clicks. `now` is the clock (epoch ms), `tell` receives messages for people. The pending
    trial is stored in `file`; without one, a repeated call starts a new trial.
    """

    workers: Workers
    settings: GateSettings
    now: Callable[[], int]
    tell: Callable[[str], None]
    file: Path | None = None
    sleep: Callable[[float], None] = time.sleep

    def is_pending(self, candidate: str) -> bool:
        """Whether workers were already asked about a version."""
        awaited = self._kept()
        return awaited is not None and awaited.candidate == candidate

    def judge(self, version: Version, incumbent: str, serving: Callable[[], str | None]) -> TrialFindings:
        """Wait for the workers' figures, at most until the time limit; `serving` returns the version that
        serves.

        Raises PromotionError or RegistryError if the workers cannot be asked.
        """
        awaited = self._kept()
        if awaited is None or (awaited.candidate, awaited.incumbent) != (version.id, incumbent):
            awaited = self._begin(version, incumbent)
        findings = self._wait(awaited, serving)
        self.workers.stop()
        if self.file is not None:
            self.file.unlink(missing_ok=True)
        return findings

    def _begin(self, version: Version, incumbent: str) -> PendingTrial:
        """Ask the workers first, then store the trial: a kill in between asks twice."""
        before = {one.key: one.at for one in self.workers.reports() if one.version == version.id}
        awaited = PendingTrial(candidate=version.id, incumbent=incumbent, at=self.now(), before=before)
        self.workers.compare(version, self.settings.shadow_events)
        if self.file is not None:
            replace_file(self.file, msgspec.json.encode(awaited))
        return awaited

    def _wait(self, awaited: PendingTrial, serving: Callable[[], str | None]) -> TrialFindings:
        reported, until = "", awaited.at + int(self.settings.shadow_minutes * MINUTE_MS)
        while True:
            reports = self._said(awaited)
            figures = self._figures(reports, awaited.incumbent)
            missing, over = shortage(figures, self.settings), self.now() >= until
            if (stopped := _stopped(reports, awaited, serving())) is not None:
                return TrialFindings(stopped, figures)
            if not missing or over:
                return self._end(figures, missing, awaited)
            if missing != reported:
                self.tell(f"in the shadow: {missing}")
                reported = missing
            self.sleep(LOOK_SECONDS)

    def _end(self, figures: dict[str, Any], missing: str, awaited: PendingTrial) -> TrialFindings:
        if missing:
            minutes = self.settings.shadow_minutes
            why = f"there is too little traffic to compare: {missing} in {minutes:g} minutes"
            return TrialFindings(Verdict(False, why), figures)
        return TrialFindings(decide(figures, limits(figures, self.settings), awaited.incumbent), figures)

    def _figures(self, reports: Sequence[ModelReport], incumbent: str) -> dict[str, Any]:
        compared = [one.shadow for one in reports if one.kind == "shadow" and one.incumbent == incumbent]
        figures = combined([one for one in compared if one is not None])
        held = limits(figures, self.settings)
        return {"wanted": self.settings.shadow_events, **figures, "limits": [one._asdict() for one in held]}

    def _said(self, awaited: PendingTrial) -> list[ModelReport]:
        """Reports on the candidate since the trial began; empty while the broker is unreachable, since that
        may pass.
        """
        try:
            reports = self.workers.reports()
        except PathcastError as error:
            self.tell(f"in the shadow: {error}")
            return []
        return [
            one
            for one in reports
            if one.version == awaited.candidate and one.at != awaited.before.get(one.key)
        ]

    def _kept(self) -> PendingTrial | None:
        if self.file is None or not self.file.exists():
            return None
        try:
            return msgspec.json.decode(self.file.read_bytes(), type=PendingTrial)
        except msgspec.DecodeError as error:
            raise RegistryError(
                f"{self.file} cannot be read ({error}): delete it to start a new comparison"
            ) from error


def _stopped(reports: Sequence[ModelReport], awaited: PendingTrial, serving: str | None) -> Verdict | None:
    """Why waiting is pointless: a worker cannot use the candidate, or another version serves."""
    if serving != awaited.incumbent:
        return Verdict(
            False, f"{serving} serves now, but the candidate was compared with {awaited.incumbent}"
        )
    refused = next((one for one in reports if one.kind == "refused" and one.refusal not in TRANSIENT), None)
    return Verdict(False, f"{refused.worker} could not use it: {refused.message}") if refused else None
