"""What the trainer does between runs, each in a process of its own: looking for drift, and small steps."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from deploy.event_log import opened
from deploy.live import trial
from deploy.logs import now_ms
from deploy.promotions import promotions
from deploy.training import catalogue, examples, folder_of
from models import registry as store
from streams.settings import WorkerSettings
from trainer.adapt import Step
from trainer.adapt_live import Source, is_step, serving_version, stepped, too_early
from trainer.admission import admit
from trainer.collection import Keep, collect, withdraw
from trainer.drift import measure, since
from trainer.drift_settings import DriftSettings
from trainer.eventlog import slices
from trainer.eventlog.forget import latest
from trainer.eventlog.log import EventLog
from trainer.gate_settings import GateSettings
from trainer.ledger import Ledger
from trainer.publish_settings import PublishSettings
from trainer.service.requests import Request, ask
from trainer.settings import TrainerSettings

log = structlog.get_logger("pathcast.trainer")


@contextmanager
def newest(settings: TrainerSettings, events: EventLog, name: str) -> Iterator[Source]:
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
        yield Source(found, [clicks], slices.offsets([clicks]))


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
