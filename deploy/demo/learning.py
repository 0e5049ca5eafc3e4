"""The settings of the demo's trainer: its folders, when a run is due, and lower thresholds of the gate.

A run has to end while somebody watches, so it learns from the newest clicks only. Few visitors buy within a
minute, so the gate asks for fewer visitors and buyers than by default.
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
#: Seconds between commits of the event log, short enough to be watched.
COMMIT_SECONDS = 2.0
#: Nice value of a run: it gives way to the worker, but must end while somebody waits.
NICE = 5
#: Share of the clicks between two runs that the gate judges on; the run learns from the rest.
JUDGED_SHARE = 0.85
EASED = GateSettings(least_visitors=100, least_buyers=3)
#: The order that stands for the training on January, which the demo did itself.
JANUARY = "january"


class DemoPlan(NamedTuple):
    """A training run after `every` clicks, on the `most` newest."""

    every: int
    most: int


#: No training runs.
NEVER = DemoPlan(0, 0)


@dataclass(frozen=True)
class Learning:
    """The folder of a trainer, after how many clicks it trains (`every`), and how many of the newest it uses.

    Clicks of January make up for those that February does not have yet.
    """

    folder: Path
    every: int
    most: int

    @property
    def log(self) -> Path:
        """The folder of the event log."""
        return self.folder / "eventlog"

    @property
    def registry(self) -> Path:
        """The folder of the versions."""
        return self.folder / "registry"

    @property
    def workdir(self) -> Workdir:
        """The folder of the current run."""
        return Workdir(self.folder / "trainer")

    def recent(self, log: DemoLog) -> Path:
        """Write the newest clicks of January, with which the trainer begins, to a file."""
        file = self.folder / "recent.parquet"
        pl.read_parquet(log.january).tail(self.most - self.every).write_parquet(file)
        return file

    def begin(self, clicks: int) -> None:
        """Give the trainer the serving version, and note that `clicks` of January are in its log already.

        So the next run is due after as many new clicks as asked for.
        """
        version = Ledger(self.registry).status().serving
        order = RunOrder(id=JANUARY, reason="January", at=now_ms(), clicks=clicks)
        done = RunResult(order=order, at=now_ms(), version=version, promoted=True, why="it is the first")
        self.workdir.end(done)

    def environment(self, run: str) -> dict[str, str]:
        """Environment variables of the trainer, for a demo run with this name."""
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
    """The lowered thresholds of the gate, in words."""
    usual = GateSettings()
    return (
        f"the gate is eased: it judges on {EASED.least_visitors} visitors, {EASED.least_buyers} of them "
        f"buyers (else {usual.least_visitors} and {usual.least_buyers}); its other limits are those of always"
    )
