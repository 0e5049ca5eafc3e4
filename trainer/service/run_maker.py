"""Makes an ordered run: slice, training, judgement. After a kill at any point, repeating the call continues
the run.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog

from models.contract.aliases import EventNames, event_name
from models.errors import PathcastError
from models.registry import registry
from models.registry.refusals import RegistryError
from models.registry.versions import Version
from trainer.eventlog import slices
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import latest
from trainer.fitting.warm_start import WarmStartError
from trainer.loop.checkpoint import CheckpointError, clear
from trainer.loop.options import Options
from trainer.loop.progress import Report
from trainer.service.workdir import RunOrder, RunResult, Workdir
from trainer.training.log_parts import Run
from trainer.training.run_verdict import VERDICT
from trainer.training.train import train

log = structlog.get_logger("pathcast.trainer")


class PromotionVerdict(NamedTuple):
    """Whether a version was promoted, and the reason in a sentence."""

    promoted: bool
    why: str


#: Decides whether a version serves. Receives the version, the clicks that the run read, and the catalogue if
#: any.
Judge = Callable[[Version, Path, Path | None], PromotionVerdict]


@dataclass(frozen=True)
class Recipe:
    """How runs are made.

    `registry` receives versions; `options` are the training settings; `most` is the largest number of clicks
    in a slice; `holdout` is the share of the newest clicks left for the judge. `catalogue` writes the known
    items to a Parquet file. `start` returns the version that a run starts from, None: from scratch.
    `baselines` are trained with each version for its report.
    """

    registry: Path
    options: Options
    most: int
    holdout: float
    catalogue: Callable[[Path], None]
    names: EventNames = event_name
    report: Report = lambda progress: None
    start: Callable[[], str | None] = lambda: None
    baselines: bool = True


@dataclass(frozen=True)
class RunMaker:
    """Makes the ordered run of a working folder from an event log; `now` is the clock (epoch ms)."""

    events: EventLog
    at: Workdir
    recipe: Recipe
    judge: Judge
    now: Callable[[], int]

    def make(self, order: RunOrder) -> RunResult:
        """Make the run and record how it ended; a known failure is also recorded.

        Raises TrainerError if the working folder cannot be used.
        """
        try:
            version = self._version(order)
            done = self._done(order, version.id, self._judged(version))
        except PathcastError as error:
            done = self._done(order, None, PromotionVerdict(False, str(error)))
        self.at.end(done)
        return done

    def _judged(self, version: Version) -> PromotionVerdict:
        items = self.at.items if self.at.items.exists() else None
        try:
            return self.judge(version, self.at.slice, items)
        except PathcastError as error:
            return PromotionVerdict(False, str(error))

    def _done(self, order: RunOrder, version: str | None, judgement: PromotionVerdict) -> RunResult:
        return RunResult(
            order=order, at=self.now(), version=version, promoted=judgement.promoted, why=judgement.why
        )

    def _version(self, order: RunOrder) -> Version:
        if self.at.trained.exists() and not self._outdated():
            return registry.load(self.recipe.registry / self.at.trained.read_text())
        while True:
            self._prepare()
            version = self._train(order)
            if not self._outdated():
                self.at.made(version.id)
                log.info("version made", version=version.id, verdict=version.metrics[VERDICT]["said"])
                return version
            log.info("run begins again", reason="a visitor was erased during the run", version=version.id)
            shutil.rmtree(version.path)

    def _prepare(self) -> None:
        """Write the slice, unless there is one that may be used. The catalogue is written first."""
        if self._outdated():
            self.at.anew()
        if self.at.slice.exists():
            return
        self.at.folder.mkdir(parents=True, exist_ok=True)
        self.at.begun.touch()
        self.at.starts(self.recipe.start() or "")
        self.recipe.catalogue(self.at.items)
        written = slices.write(self.events, self.at.slice, self.recipe.most)
        log.info("slice written", clicks=written.clicks)

    def _outdated(self) -> bool:
        """Whether a visitor was erased after the slice was begun."""
        return self.at.predates(latest(self.events))

    def _start(self) -> Path | None:
        """The version to start from; None, with a warning, if it cannot be loaded."""
        name = self.at.start.read_text() if self.at.start.exists() else ""
        try:
            return registry.load(self.recipe.registry / name).path if name else None
        except RegistryError as error:
            self._cold(str(error))
            return None

    def _cold(self, reason: str) -> None:
        log.warning("run begins from scratch", reason=reason)
        self.at.starts("")

    def _train(self, order: RunOrder) -> Version:
        start = self._start()
        try:
            return self._trained(order, start)
        except WarmStartError as error:
            if start is None:
                raise
            self._cold(str(error))
            return self._trained(order, None)

    def _trained(self, order: RunOrder, start: Path | None) -> Version:
        items = self.at.items if self.at.items.exists() else None
        run = Run(
            [self.at.slice],
            self.recipe.registry,
            items,
            options=self.recipe.options,
            baselines=self.recipe.baselines,
            checkpoint=self.at.checkpoint,
            start=start,
            names=self.recipe.names,
            holdout=self.recipe.holdout,
            offsets=slices.offsets([self.at.slice]),
        )
        try:
            return train(run, order.at, self.recipe.report)
        except CheckpointError as error:
            log.warning("checkpoint ignored", reason=str(error))
            clear(self.at.checkpoint)
            return train(run, order.at, self.recipe.report)
