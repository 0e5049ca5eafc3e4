"""Versions for the dashboard: the registry's folder, with the moves and requests that commands make."""

from pathlib import Path

from deploy.cluster.records import now_ms
from deploy.runs.event_log import opened
from deploy.runs.promotion_moves import promotions
from gateway.dashboard.figures.registry_desk import RegistryDesk
from streams.config.worker_settings import WorkerSettings
from trainer.promotion.promotions import Promotions
from trainer.service.requests import Request, ask


def desk_of(worker: WorkerSettings) -> RegistryDesk | None:
    """The desk of PATHCAST_REGISTRY; None where it is a URL, since moves need the folder with the ledger."""
    if "://" in worker.registry:
        return None
    folder = Path(worker.registry)

    def moves(by: str) -> Promotions:
        return promotions(folder, by=by)

    def request(by: str, reason: str) -> str:
        return ask(opened(), Request(by, reason, now_ms()))

    return RegistryDesk(folder, moves, request)
