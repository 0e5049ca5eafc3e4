"""The folder that the trainer writes versions to."""

from pathlib import Path

from streams.config.worker_settings import WorkerSettings
from trainer.service.workdir import TrainerError


def folder_of(worker: WorkerSettings) -> Path:
    """The registry as a folder. Raises TrainerError for a URL."""
    if "://" in worker.registry:
        raise TrainerError(
            f"PATHCAST_REGISTRY is {worker.registry!r}, but the trainer writes versions to a folder: name "
            "one, and the URL in PATHCAST_REGISTRY_PUBLISH"
        )
    return Path(worker.registry)
