"""What the trainer does between runs, each in a process of its own: looking for drift, and small steps."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from deploy.cluster.records import now_ms
from deploy.runs.event_log import opened
from deploy.runs.promotion_moves import promotions
from deploy.runs.shadow_trial import trial
from deploy.runs.training_run import catalogue, examples, folder_of
from models.registry import registry as store
from streams.config.worker_settings import WorkerSettings
from trainer.drift.drift import measure, since
from trainer.drift.drift_settings import DriftSettings
from trainer.eventlog import slices
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import latest
from trainer.gate.admission import admit
from trainer.gate.gate_settings import GateSettings
from trainer.promotion.garbage import Keep, collect, withdraw
from trainer.promotion.ledger import Ledger
from trainer.promotion.publish_settings import PublishSettings
from trainer.service.requests import Request, ask
from trainer.settings import TrainerSettings
from trainer.training.adapt import Step
from trainer.training.adapt_live import UpdateSource, is_step, serving_version, stepped, too_early

log = structlog.get_logger("pathcast.trainer")


@contextmanager
def newest(settings: TrainerSettings, events: EventLog, name: str) -> Iterator[UpdateSource]:
    """The newest clicks of the event log, in a folder of their own that is removed in the end.

    Raises EventLogError, KafkaUnreachable, LogError or ExamplesError.
    """
    workdir = settings.workdir.expanduser()
    workdir.mkdir(parents=True, exist_ok=True)
    for left in workdir.glob(f"{name}-*"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=workdir) as folder:
        clicks, items = Path(folder) / "newest.parquet", Path(folder) / "items.parquet"
        catalogue(items)
        slices.write(events, clicks, settings.most_clicks)
        found = examples(clicks, items if items.exists() else None)
        yield UpdateSource(found, [clicks], slices.offsets([clicks]))


def look_for_drift(settings: TrainerSettings) -> list[str]:
    """Ask the trainer for a run if the newest clicks are not those of the version that serves; its alarms.

    None where no version serves, or nothing can be said of it yet. Raises PathcastError.
    """
    registry, events = folder_of(WorkerSettings()), opened(settings)
    serving = Ledger(registry).standing().serving
    if serving is None:
        return []
    version = store.load(registry / serving)
    with newest(settings, events, "drift") as source:
        found = measure(version, since(version, source.examples), DriftSettings())
    alarms = found.alarms if found else []
    if alarms:
        ask(events, Request("drift", "; ".join(alarms), now_ms()))
    return alarms


def take_step(settings: TrainerSettings, step: Step) -> str:
    """Take the serving version a small step further; what came of it, in a sentence.

    A visitor who is forgotten meanwhile is in no version: the step is dropped. Raises PathcastError.
    """
    registry, events, begun = folder_of(WorkerSettings()), opened(settings), now_ms()
    if Ledger(registry).standing().serving is None:
        return "no version serves, so none can be adapted"
    moves, gate = promotions(registry, by="gate"), GateSettings()
    version = serving_version(moves)
    with newest(settings, events, "adapt") as source:
        lacking = too_early(version, source, step, gate)
        if lacking:
            return f"no step yet: {lacking}"
        name = stepped(version, source, step, moves)
        if latest(events) >= begun:
            shutil.rmtree(registry / name)
            return "the step is dropped: a visitor was forgotten meanwhile"
        live = trial(gate, lambda news: log.info("waiting", news=news))
        verdict = admit(name, source.examples, gate, moves, live).verdict
    return f"{name} {'passed' if verdict.passed else 'refused'}: {verdict.reason}"


def drop_steps(settings: TrainerSettings) -> list[str]:
    """Remove old small versions, also from where they were put; their names. Raises PathcastError."""
    registry, url = folder_of(WorkerSettings()), PublishSettings().publish
    gone = collect(registry, Keep(days=settings.adapt_keep_hours / 24), now_ms(), is_step)
    if url:
        withdraw(registry, url)
    return gone
