"""The trainer's loop: it writes and maintains the event log, and starts a run when one is due.

A run is a separate process: its memory is freed when it ends, and its death does not stop the log. Only one
runs at a time, since it holds the lock of the working folder. It may outlive this process; the next trainer
finds it again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from msgspec.structs import replace

from models.durations import MINUTE_MS
from models.errors import PathcastError
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import latest
from trainer.eventlog.log_tables import CLICKS
from trainer.eventlog.tidy import tend
from trainer.policy_runs.policy_rounds import PolicyRounds
from trainer.run_processes import ATTEMPTS, BUSY, ChildProcess, end, why_given_up
from trainer.service import requests
from trainer.service.schedule import Mark, RunSchedule, due
from trainer.service.workdir import RunOrder, RunResult, Workdir

log = structlog.get_logger("pathcast.trainer")
#: Interval of reading requests and manifests (ms), and of maintaining the log.
LOOK_MS = 2_000
TEND_MS = 5 * MINUTE_MS


class Writer(Protocol):
    """Writes the event log (`trainer.eventlog.ingest.Ingest`)."""

    def step(self, wait_ms: int = 500) -> int:
        """Read records, and commit what is due."""

    def flush(self) -> None:
        """Commit what was read."""

    def close(self) -> None:
        """Leave the consumer group."""


@dataclass
class Trainer:
    """One trainer.

    `launch` starts the process that makes a run. `check` starts the drift check, which may request a run.
    `adapt` starts an incremental update of the serving version, `calibrate` compares its probabilities with
    what came and may shift them. `report` exports the event log's gauges.
    `policies` are the runs that train policies, by placement. `now` is the clock (epoch ms).
    """

    events: EventLog
    writer: Writer
    at: Workdir
    schedule: RunSchedule
    keep_days: Mapping[str, float]
    launch: Callable[[], ChildProcess]
    now: Callable[[], int]
    check: Callable[[], ChildProcess] | None = None
    adapt: Callable[[], ChildProcess] | None = None
    calibrate: Callable[[], ChildProcess] | None = None
    report: Callable[[], None] = lambda: None
    policies: Sequence[PolicyRounds] = ()
    _began: int = 0
    _looked: int = 0
    _tended: int = 0
    _checked: int = 0
    _calibrated: int = 0
    _adapted: Mark = field(default_factory=lambda: Mark(0, 0))
    _child: ChildProcess | None = None
    _wait_until: int = 0
    _stopped: bool = False

    def __post_init__(self) -> None:
        self._began = self._tended = self._checked = self._calibrated = self.now()
        self._adapted = Mark(self._began, 0)

    def step(self, wait_ms: int = 500) -> None:
        """One round of the loop. Raises EventLogError or TrainerError."""
        self.writer.step(wait_ms)
        now = self.now()
        if now - self._looked >= LOOK_MS:
            self._looked = now
            self._watch(now)
            self._teach(now)
        if now - self._tended >= TEND_MS:
            self._tended = now
            tended = tend(self.events, now, self.keep_days)
            if any(tended):
                log.info("log tended", **tended._asdict())
            self.report()

    def close(self) -> None:
        """Commit what was read and end the run's process; the next trainer continues the run."""
        end(self._child)
        for rounds in self.policies:
            rounds.close()
        self.writer.flush()
        self.writer.close()

    def _watch(self, now: int) -> None:
        if self._child is not None:
            status = self._child.poll()
            if status is None:
                self._stop_outdated(self._child)
                return
            self._child = None
            self._ended(status, now)
        order = self.at.order() or self._due(now)
        if order is not None and now >= self._wait_until:
            self._child = self.launch()
        elif order is None:
            self._check(now)
            self._adapt(now)
            self._calibrate(now)

    def _teach(self, now: int) -> None:
        """Policy runs are independent: where they cannot go on, that is said once and the rest goes on."""
        for rounds in self.policies:
            try:
                rounds.step(now)
            except PathcastError as error:
                log.error("policy runs end", reason=str(error))
                self.policies = [one for one in self.policies if one is not rounds]

    def _check(self, now: int) -> None:
        """Start a drift check if it is time; a run that it requests is due when it has ended."""
        minutes = self.schedule.drift_minutes
        if minutes is not None and self.check is not None and now - self._checked >= minutes * MINUTE_MS:
            self._checked = now
            self._child = self.check()

    def _adapt(self, now: int) -> None:
        """Start an incremental update if it is time and there are new clicks; a run that is due
        goes first.
        """
        minutes, last = self.schedule.adapt_minutes, self._adapted
        if minutes is None or self.adapt is None or self._child is not None:
            return
        if now - last.at >= minutes * MINUTE_MS:
            self.writer.flush()
            self._adapted = Mark(now, self._clicks())
            if self._adapted.clicks > last.clicks:
                self._child = self.adapt()

    def _calibrate(self, now: int) -> None:
        """Start a look at matured outcomes if it is time and nothing else runs."""
        minutes = self.schedule.calibration_minutes
        if minutes is None or self.calibrate is None or self._child is not None:
            return
        if now - self._calibrated >= minutes * MINUTE_MS:
            self._calibrated = now
            self._child = self.calibrate()

    def _stop_outdated(self, child: ChildProcess) -> None:
        """End a run that reads a visitor who was erased since; it begins again at once, without
        that visitor.
        """
        if not self._stopped and self.at.predates(latest(self.events)):
            self._stopped = True
            child.terminate()

    def _ended(self, status: int, now: int) -> None:
        order, done = self.at.order(), self.at.done()
        stopped, self._stopped = self._stopped, False
        if order is None and done is not None:
            self._tell(done)
        elif order is not None and status == BUSY:
            self._wait_until = now + LOOK_MS
        elif order is not None and stopped:
            self.at.anew()
        elif order is not None:
            self._died(order, status, now)

    def _died(self, order: RunOrder, status: int, now: int) -> None:
        attempts = order.attempts + 1
        log.warning("run died", status=status, attempts=attempts, order=order.id)
        if attempts < ATTEMPTS:
            self.at.begin(replace(order, attempts=attempts))
            return
        why = why_given_up(attempts, status)
        self.at.end(RunResult(order=order, at=now, version=None, promoted=False, why=why))
        done = self.at.done()
        if done is not None:
            self._tell(done)

    def _tell(self, done: RunResult) -> None:
        """Log a run's result once, whichever trainer does it; only then are its requests answered."""
        if done.told:
            return
        requests.answered(self.events, done.order.requests)
        log.info("run ended", version=done.version, promoted=done.promoted, why=done.why, order=done.order.id)
        self.at.tell(done)

    def _due(self, now: int) -> RunOrder | None:
        done = self.at.done()
        if done is not None:
            self._tell(done)
        asked = requests.asked(self.events)
        last = self.at.mark() or Mark(self._began, 0)
        if due(self.schedule, last, now, self._clicks(), asked) is None:
            return None
        self.writer.flush()
        clicks = self._clicks()
        reason = due(self.schedule, last, now, clicks, asked) or ""
        order = RunOrder(id=f"{now:015}", reason=reason, at=now, clicks=clicks, requests=list(asked))
        self.at.begin(order)
        log.info("run ordered", reason=reason, clicks=clicks, order=order.id)
        return order

    def _clicks(self) -> int:
        return sum(manifest.rows for manifest in self.events.manifests(CLICKS.name))
