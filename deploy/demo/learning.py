"""What the demo's trainer is told: where it keeps things, when a run is due, and how the gate is eased.

A run has to end while somebody watches, so it learns from the newest clicks only; and in a minute few people
buy, so the gate asks for fewer visitors and buyers than by default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from deploy.cluster.records import now_ms
from deploy.demo.shipped_log import DemoLog
from trainer.gate.gate_settings import GateSettings
from trainer.promotion.ledger import Ledger
from trainer.service.workdir import RunOrder, RunResult, Workdir
from trainer.settings import BASE_MB, BYTES_PER_CLICK, LEAST_MB

EPOCHS = 4
#: The log is committed so often (s): often enough to be watched.
COMMIT_SECONDS = 2.0
#: A run gives way to the worker, yet has to end: somebody waits for it.
NICE = 5
#: Of the clicks between two runs, the share that is left to the gate; the rest is learned from.
JUDGED_SHARE = 0.85
EASED = GateSettings(least_visitors=100, least_buyers=3)
#: The order that stands for the learning from January, which the demo did by itself.
JANUARY = "january"


class DemoPlan(NamedTuple):
    """A run after `every` clicks, of the `most` newest."""

    every: int
    most: int


#: No run at all.
NEVER = DemoPlan(0, 0)


@dataclass(frozen=True)
class Learning:
    """A trainer's folder, the clicks after which it trains (`every`), and how many of the newest it then
    takes to learn from and to be judged on: January makes up what February lacks of them."""

    folder: Path
    every: int
    most: int

    @property
    def log(self) -> Path:
        """Where the event log is."""
        return self.folder / "eventlog"

    @property
    def registry(self) -> Path:
        """Where versions are."""
        return self.folder / "registry"

    @property
    def workdir(self) -> Workdir:
        """Where the run under way is."""
        return Workdir(self.folder / "trainer")

    def recent(self, log: DemoLog) -> Path:
        """Write the newest of January's clicks, which the trainer begins with, to a file."""
        file = self.folder / "recent.parquet"
        pl.read_parquet(log.january).tail(self.most - self.every).write_parquet(file)
        return file

    def begin(self, clicks: int) -> None:
        """Tell the trainer of the version in use, and that `clicks` of January are in its log already.

        So the next run is due when as many new ones have come as are asked for.
        """
        version = Ledger(self.registry).status().serving
        order = RunOrder(id=JANUARY, reason="January", at=now_ms(), clicks=clicks)
        done = RunResult(order=order, at=now_ms(), version=version, promoted=True, why="it is the first")
        self.workdir.end(done)

    def environment(self, run: str) -> dict[str, str]:
        """The trainer's settings, for a run of the demo with this name."""
        config = self.folder / "training.toml"
        config.write_text(f"epochs = {EPOCHS}\n")
        own: Mapping[str, object] = {
            "LOG": self.log,
            "WORKDIR": self.workdir.folder,
            "GROUP": f"{run}-trainer",
            "CONFIG": config,
            "EVERY_CLICKS": self.every,
            "COMMIT_SECONDS": COMMIT_SECONDS,
            "MEMORY_MB": max(LEAST_MB, BASE_MB + -(-self.most * BYTES_PER_CLICK // 2**20)),
            "BASELINES": "false",
            "NICE": NICE,
            "HOLDOUT": min(0.5, JUDGED_SHARE * self.every / self.most),
        }
        gate = {f"PATHCAST_GATE_{name.upper()}": str(value) for name, value in EASED.model_dump().items()}
        trainer = {f"PATHCAST_TRAINER_{name}": str(value) for name, value in own.items()}
        return {**trainer, **gate, "PATHCAST_LOG_FORMAT": "json"}


def eased() -> str:
    """How the gate is eased, in words."""
    usual = GateSettings()
    return (
        f"the gate is eased: it judges on {EASED.least_visitors} visitors, {EASED.least_buyers} of them "
        f"buyers (else {usual.least_visitors} and {usual.least_buyers}); its other limits are those of always"
    )
