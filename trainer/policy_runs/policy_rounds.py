"""Starts policy runs when they are due, beside the trainer's other runs: neither waits for the other."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from msgspec.structs import replace

from trainer.policy_runs.policy_schedule import POSTERIOR, RUN, PolicySchedule
from trainer.policy_runs.policy_workdir import PolicyOrder, PolicyResult, PolicyWorkdir
from trainer.run_processes import ATTEMPTS, BUSY, ChildProcess, end, why_given_up

log = structlog.get_logger("pathcast.trainer")


@dataclass
class PolicyRounds:
    """Policy runs of one trainer. `launch` starts the process of a run, `rewards` counts the rewards that the
    log has ever taken in; `began` is when the trainer started (epoch ms). `updates` is whether the serving
    policy has a posterior to update.
    """

    at: PolicyWorkdir
    schedule: PolicySchedule
    launch: Callable[[], ChildProcess]
    rewards: Callable[[], int]
    began: int
    updates: Callable[[], bool] = lambda: False
    _child: ChildProcess | None = None

    def step(self, now: int) -> None:
        """See whether a run has ended, and whether one is due. Raises PolicyRunError."""
        if self._child is not None:
            status = self._child.poll()
            if status is None:
                return
            self._child = None
            self._ended(status, now)
        for done in self.at.untold():
            self._tell(done)
        if (self.at.order() or self._due(now)) is not None:
            self._child = self.launch()

    def close(self) -> None:
        """End the run's process; the next trainer continues the run."""
        end(self._child)

    def _due(self, now: int) -> PolicyOrder | None:
        marks = [self.at.mark(sort, self.began) for sort in (RUN, POSTERIOR)]
        rewards = self.rewards()
        found = self.schedule.due(marks[0], marks[1], now, rewards)
        if found is None or (found[0] == POSTERIOR and not self.updates()):
            return None
        order = PolicyOrder(sort=found[0], reason=found[1], at=now, rewards=rewards)
        self.at.begin(order)
        log.info("policy run ordered", sort=order.sort, reason=order.reason, rewards=rewards)
        return order

    def _ended(self, status: int, now: int) -> None:
        """A run that died is made again, and given up after some attempts."""
        order = self.at.order()
        if order is None or status == BUSY:
            return
        attempts = order.attempts + 1
        if attempts < ATTEMPTS:
            self.at.begin(replace(order, attempts=attempts))
            return
        why = why_given_up(attempts, status)
        self.at.end(PolicyResult(order=order, at=now, version=None, promoted=False, why=why))

    def _tell(self, done: PolicyResult) -> None:
        """Log a result once, whichever trainer does it."""
        say = log.info if done.version else log.warning
        say(
            "policy run ended",
            sort=done.order.sort,
            version=done.version,
            promoted=done.promoted,
            why=done.why,
        )
        self.at.tell(done)
