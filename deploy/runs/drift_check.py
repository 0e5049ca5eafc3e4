"""The drift check between runs, in its own process."""

from deploy.cluster.records import now_ms
from deploy.runs.event_log import opened
from deploy.runs.newest_clicks import newest
from deploy.runs.registry_folder import folder_of
from models.registry import registry as store
from streams.config.worker_settings import WorkerSettings
from trainer.drift.drift import measure, since
from trainer.drift.drift_settings import DriftSettings
from trainer.promotion.ledger import Ledger
from trainer.service.requests import Request, ask
from trainer.settings import TrainerSettings


def look_for_drift(settings: TrainerSettings) -> list[str]:
    """Request a run if the newest clicks have drifted from those of the serving version; returns the alarms.

    There are none if no version serves, or if its drift cannot be measured yet. Raises PathcastError.
    """
    registry, events = folder_of(WorkerSettings()), opened(settings)
    serving = Ledger(registry).status().serving
    if serving is None:
        return []
    version = store.load(registry / serving)
    with newest(settings, events, "drift") as source:
        found = measure(version, since(version, source.examples), DriftSettings())
    alarms = found.alarms if found else []
    if alarms:
        ask(events, Request("drift", "; ".join(alarms), now_ms()))
    return alarms
