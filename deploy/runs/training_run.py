"""A run of the trainer as commands make it: what it reads, how it is trained, and who lets it serve."""

from pathlib import Path

import polars as pl
import structlog
from msgspec.structs import asdict

from deploy.cluster.clients import connection, consumer, drain
from deploy.cluster.records import now_ms
from deploy.runs.event_log import events_of, opened
from deploy.runs.promotion_moves import promotions
from deploy.runs.shadow_trial import trial
from models.contract.items import Item, read_id, read_item
from models.contract.values import Unreadable
from models.errors import PathcastError
from models.registry.versions import Version
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from trainer.drift.drift_settings import DriftSettings
from trainer.examples.examples import Examples
from trainer.gate.admission import conclude, kept
from trainer.gate.gate import judge as offline
from trainer.gate.gate import serving
from trainer.gate.gate_settings import GateSettings
from trainer.logs.log_files import ITEM_FIELDS, read_log
from trainer.logs.log_replay import walk
from trainer.logs.reading import reading
from trainer.loop.options import Options, read
from trainer.loop.progress import Progress
from trainer.promotion.ledger import Ledger
from trainer.promotion.publish_settings import PublishSettings
from trainer.service.making import Judge, Maker, PromotionVerdict, Recipe
from trainer.service.orders import Done, Order, TrainerError, Workdir
from trainer.settings import TrainerSettings
from trainer.training.train import catalogue as catalogue_of

log = structlog.get_logger("pathcast.trainer")
_KINDS = {"price": pl.Float64, "stock": pl.Int64}


def maker(settings: TrainerSettings, seed: int = 0) -> Maker:
    """Makes the runs of PATHCAST_TRAINER_WORKDIR. Raises OptionsError, EventLogError or TrainerError."""
    worker = WorkerSettings()
    registry = folder_of(worker)
    # What the next run begins with must not have learned from the clicks that stop and calibrate that run.
    given = Options(seed=seed, seconds=60 * settings.epochs_minutes, refit=not settings.warm)
    recipe = Recipe(
        registry=registry,
        options=read(settings.config.expanduser(), given) if settings.config else given,
        most=settings.most_clicks,
        holdout=settings.holdout,
        catalogue=catalogue,
        names=events_of(worker),
        report=Epochs(),
        start=(lambda: Ledger(registry).standing().serving) if settings.warm else lambda: None,
        baselines=settings.baselines,
    )

    at = Workdir(settings.workdir.expanduser())
    return Maker(opened(settings), at, recipe, judge_of(registry, at), now_ms)


def check(settings: TrainerSettings) -> None:
    """Raises what would end a run, or what comes between runs, for its settings alone.

    PathcastError or pydantic's ValidationError.
    """
    maker(settings).at.check()
    for kind in (GateSettings, DriftSettings, PublishSettings):
        kind()


def make(settings: TrainerSettings, at: Workdir, order: Order) -> Done:
    """Make the run that was ordered; settings that fit no more are an end as well. Raises TrainerError."""
    try:
        made = maker(settings)
    except PathcastError as error:
        done = Done(order=order, at=now_ms(), version=None, promoted=False, why=str(error))
        at.end(done)
        return done
    return made.make(order)


def judge_of(registry: Path, at: Workdir) -> Judge:
    """The gate, which waits for workers' comparisons where it is set to; a wait that was killed goes on."""

    def judge(version: Version, events: Path, items: Path | None) -> PromotionVerdict:
        moves, gate = promotions(registry, by="gate"), GateSettings()
        waiting = trial(gate, lambda news: log.info("waiting", news=news), at.shadow)
        if waiting is not None and waiting.goes_on(version.id):
            report = kept(version.path)
        else:
            found = examples(events, items)
            report = offline(version.path, serving(moves, version.id), found, gate)
            del found  # a comparison may take hours
        report = conclude(version.id, report, moves, waiting)
        return PromotionVerdict(report.verdict.passed, report.verdict.reason)

    return judge


def examples(events: Path, items: Path | None) -> Examples:
    """What a file of clicks shows, with the catalogue that was known. Raises LogError or ExamplesError."""
    with reading([events]):
        return walk(read_log([events]), catalogue_of(items)).examples()


def folder_of(worker: WorkerSettings) -> Path:
    """The registry as a folder. Raises TrainerError for a URL."""
    if "://" in worker.registry:
        raise TrainerError(
            f"PATHCAST_REGISTRY is {worker.registry!r}, but the trainer writes versions to a folder: name "
            "one, and the URL in PATHCAST_REGISTRY_PUBLISH"
        )
    return Path(worker.registry)


class Epochs:
    """Says once an epoch how far a run is, and when a stage has no more of them."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def __call__(self, at: Progress) -> None:
        """After a batch."""
        if (at.stage, at.epoch) != self._last:
            self._last = at.stage, at.epoch
            done = round(at.done, 3)
            auc = round(at.auc, 4) if at.judged else None
            log.info("epoch begins", stage=at.stage, epoch=at.epoch + 1, auc=auc, done=done)
        if at.done >= 1:
            log.info("epochs over", stage=at.stage)


def catalogue(to: Path) -> None:
    """Write the items as the topic has them now to a Parquet file; none where it has none.

    Raises KafkaUnreachable.
    """
    found: dict[str, Item] = {}
    with consumer(connection(), max_poll_records=5_000) as client:
        for record in drain(client, TopicNames().items):
            try:
                item_id = read_id(record.key)
                if record.value is None:
                    found.pop(item_id, None)
                else:
                    found[item_id] = read_item(record.value)
            except Unreadable:
                continue
    if found:
        rows = [{"item_id": item_id, **asdict(item)} for item_id, item in found.items()]
        schema = {name: _KINDS.get(name, pl.String) for name in ITEM_FIELDS}
        pl.DataFrame(rows, schema=schema).write_parquet(to)
