"""A training run of the trainer: what it reads, how it trains, and the gate that judges it."""

import structlog

from deploy.cluster.records import now_ms
from deploy.runs.event_log import opened
from deploy.runs.gate_judge import judge_of
from deploy.runs.items_snapshot import write_items
from deploy.runs.registry_folder import folder_of
from deploy.terminal.event_map_option import of_worker
from models.errors import PathcastError
from streams.config.worker_settings import WorkerSettings
from trainer.calibration.calibration_settings import CalibrationSettings
from trainer.drift.drift_settings import DriftSettings
from trainer.gate.gate_settings import GateSettings
from trainer.loop.options import Options, read
from trainer.loop.progress import Progress
from trainer.promotion.ledger import Ledger
from trainer.promotion.publish_settings import PublishSettings
from trainer.service.run_maker import Recipe, RunMaker
from trainer.service.workdir import RunOrder, RunResult, Workdir
from trainer.settings import TrainerSettings

log = structlog.get_logger("pathcast.trainer")


def maker(settings: TrainerSettings, seed: int = 0) -> RunMaker:
    """What makes the runs in PATHCAST_TRAINER_WORKDIR. Raises OptionsError, EventLogError or TrainerError."""
    worker = WorkerSettings()
    registry = folder_of(worker)
    # A warm start must not have learned from the clicks that stop and calibrate the run: no refit then.
    given = Options(seed=seed, seconds=60 * settings.epochs_minutes, refit=not settings.warm)
    recipe = Recipe(
        registry=registry,
        options=read(settings.config.expanduser(), given) if settings.config else given,
        most=settings.most_clicks,
        holdout=settings.holdout,
        catalogue=write_items,
        names=of_worker(worker),
        report=Epochs(),
        start=(lambda: Ledger(registry).status().serving) if settings.warm else lambda: None,
        baselines=settings.baselines,
    )

    at = Workdir(settings.workdir.expanduser())
    return RunMaker(opened(settings), at, recipe, judge_of(registry, at), now_ms)


def check(settings: TrainerSettings) -> None:
    """Check the settings of runs, of the gate, of drift and of publishing.

    Raises PathcastError or pydantic's ValidationError.
    """
    maker(settings).at.check()
    for kind in (GateSettings, DriftSettings, CalibrationSettings, PublishSettings):
        kind()


def make(settings: TrainerSettings, at: Workdir, order: RunOrder) -> RunResult:
    """Make the ordered run; invalid settings end it with a reason. Raises TrainerError."""
    try:
        made = maker(settings)
    except PathcastError as error:
        done = RunResult(order=order, at=now_ms(), version=None, promoted=False, why=str(error))
        at.end(done)
        return done
    return made.make(order)


class Epochs:
    """Logs the start of each epoch, the end of a stage, and the start of steps without epochs."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def __call__(self, at: Progress) -> None:
        """Called after each batch, and at the start of a step without epochs."""
        if not at.batches:
            log.info("step begins", step=at.stage)
            return
        if (at.stage, at.epoch) != self._last:
            self._last = at.stage, at.epoch
            done = round(at.done, 3)
            auc = round(at.auc, 4) if at.judged else None
            log.info("epoch begins", stage=at.stage, epoch=at.epoch + 1, auc=auc, done=done)
        if at.done >= 1:
            log.info("epochs over", stage=at.stage)
