"""The working folder of policy runs: the ordered run and the result of the last ones, in files that survive a
kill.

WORKDIR/policies/
├── order.json            the current run; absent while none is due
├── decisions.parquet     the logged decisions that it learns from and is judged on
├── trained               the name of the version that it made
├── last_run.json         the last finished run, with its result
├── last_posterior.json   the last finished update of a posterior
└── lock                  locked by the process that makes the run
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from models.errors import PathcastError
from trainer.policy_runs.policy_schedule import POSTERIOR, RUN, PolicyMark
from trainer.run_folder import RunFolder


class PolicyRunError(PathcastError):
    """Policy runs cannot use their working folder, or have nothing to learn from."""


class PolicyOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An ordered run: `sort` is RUN or POSTERIOR, `reason` says why, `at` when (epoch ms), `rewards` how many
    rewards the log had then. `attempts` counts how often its process died.
    """

    sort: str
    reason: str
    at: int
    rewards: int
    attempts: int = 0


class PolicyResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended; `told`: a trainer has logged it."""

    order: PolicyOrder
    at: int
    version: str | None
    promoted: bool
    why: str
    told: bool = False


@dataclass(frozen=True)
class PolicyWorkdir(RunFolder):
    """The folder of one trainer's policy runs."""

    error: ClassVar = PolicyRunError

    @property
    def decisions(self) -> Path:
        """What the run reads; written once, so that every attempt makes the same version."""
        return self.folder / "decisions.parquet"

    @property
    def trained(self) -> Path:
        """Contains the name of the version that the run made."""
        return self.folder / "trained"

    def order(self) -> PolicyOrder | None:
        """The current run. Raises PolicyRunError."""
        order = self._read("order.json", PolicyOrder)
        done = self.done(order.sort) if order else None
        if order is not None and done is not None and done.order.at == order.at:
            self._clear()  # it ended, and was killed before it could tidy up
            return None
        return order

    def done(self, sort: str) -> PolicyResult | None:
        """The result of the last run of a sort. Raises PolicyRunError."""
        return self._read(f"last_{sort}.json", PolicyResult)

    def untold(self) -> list[PolicyResult]:
        """Results that no trainer has logged yet."""
        found = (self.done(sort) for sort in (RUN, POSTERIOR))
        return [done for done in found if done is not None and not done.told]

    def mark(self, sort: str, began: int) -> PolicyMark:
        """When the last run of a sort was ordered; before the first one, when this trainer began."""
        done = self.done(sort)
        return PolicyMark(done.order.at, done.order.rewards) if done else PolicyMark(began, 0)

    def begin(self, order: PolicyOrder) -> None:
        """Record an ordered run, or one more attempt of it. Raises PolicyRunError."""
        self._write("order.json", msgspec.json.encode(order))

    def made(self, version: str) -> None:
        """Record the version that the run made; after this it only has to be judged."""
        self._write(self.trained.name, version.encode())

    def end(self, done: PolicyResult) -> None:
        """Record the result and remove the run's files. Raises PolicyRunError."""
        self._write(f"last_{done.order.sort}.json", msgspec.json.encode(done))
        self._clear()

    def tell(self, done: PolicyResult) -> None:
        """Record that a trainer has logged a result. Raises PolicyRunError."""
        self._write(f"last_{done.order.sort}.json", msgspec.json.encode(replace(done, told=True)))

    def anew(self) -> None:
        """Remove what the run has read and made, so that it begins again."""
        for path in (self.decisions, self.trained):
            path.unlink(missing_ok=True)

    def _clear(self) -> None:
        self.anew()
        (self.folder / "order.json").unlink(missing_ok=True)
