"""Small steps of the serving version between runs, each in a process of its own."""

import shutil
from typing import Final

import structlog

from deploy.cluster.records import now_ms
from deploy.runs.event_log import opened
from deploy.runs.newest_clicks import newest
from deploy.runs.promotion_moves import promotions
from deploy.runs.registry_folder import folder_of
from deploy.runs.shadow_trial import trial
from streams.config.worker_settings import WorkerSettings
from trainer.eventlog.log_erasure import latest
from trainer.gate.admission import admit
from trainer.gate.gate_settings import GateSettings
from trainer.promotion.garbage_collection import VersionRetention, collect_garbage, remove_published
from trainer.promotion.ledger import Ledger
from trainer.promotion.publish_settings import PublishSettings
from trainer.settings import TrainerSettings
from trainer.training.adapt import IncrementalUpdate
from trainer.training.adapt_live import is_incremental_update, save_update, serving_version, too_early

log = structlog.get_logger("pathcast.trainer")


#: The update that the trainer makes.
USUAL: Final = IncrementalUpdate()


def take_step(settings: TrainerSettings, step: IncrementalUpdate = USUAL) -> str:
    """Take the serving version a small step further; what came of it, in a sentence.

    A visitor who is forgotten meanwhile is in no version: the step is dropped. Raises PathcastError.
    """
    registry, events, begun = folder_of(WorkerSettings()), opened(settings), now_ms()
    if Ledger(registry).status().serving is None:
        return "no version serves, so none can be adapted"
    moves, gate = promotions(registry, by="gate"), GateSettings()
    version = serving_version(moves)
    with newest(settings, events, "adapt") as source:
        lacking = too_early(version, source, step, gate)
        if lacking:
            return f"no step yet: {lacking}"
        name = save_update(version, source, step, moves)
        if latest(events) >= begun:
            shutil.rmtree(registry / name)
            return "the step is dropped: a visitor was forgotten meanwhile"
        live = trial(gate, lambda news: log.info("waiting", news=news))
        verdict = admit(name, source.examples, gate, moves, live).verdict
    return f"{name} {'passed' if verdict.passed else 'refused'}: {verdict.reason}"


def drop_steps(settings: TrainerSettings) -> list[str]:
    """Remove old small versions, also from where they were put; their names. Raises PathcastError."""
    registry, url = folder_of(WorkerSettings()), PublishSettings().publish
    gone = collect_garbage(
        registry, VersionRetention(days=settings.adapt_keep_hours / 24), now_ms(), is_incremental_update
    )
    if url:
        remove_published(registry, url)
    return gone
