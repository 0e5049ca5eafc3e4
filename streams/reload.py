"""What a worker follows while it runs: the catalogue, and the model that was announced last.

A version is verified, loaded and warmed up on a thread of its own; chunks take up the new one between two
transactions, since each of them reads `current` once.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from models import registry
from models.updates import ModelUpdate
from models.versions import Version
from streams.broadcast import Pairs
from streams.metrics import Metrics

log = structlog.get_logger("pathcast.reload")


class Models:
    """The model in use (None: the ladder answers). Only `apply` changes it."""

    def __init__(self, folder: Path, device: str, metrics: Metrics) -> None:
        self.current: Version | None = None
        #: Scores something small with a version, so that its first chunk does not wait for lazy set-up.
        self.warm_up: Callable[[Version], None] = lambda version: None
        self._folder, self._device, self._metrics = folder, device, metrics

    async def apply(self, pairs: Pairs) -> None:
        """Follow announcements; of several at once only the last matters. What cannot be used is refused."""
        values = [value for _, value in pairs if value is not None]
        if not values:
            return
        try:
            announced = msgspec.json.decode(values[-1], type=ModelUpdate)
            version = await asyncio.to_thread(self._load, announced)
        except Exception as error:  # noqa: BLE001 - announcements are input: none may end the worker
            self._metrics.models_refused.inc()
            incumbent = self.current.id if self.current else "none"
            log.error("model refused", reason=str(error) or repr(error), incumbent=incumbent)
            return
        self._swap(version)

    def _load(self, announced: ModelUpdate) -> Version:
        version = registry.load(self._find(announced), self._device, announced.sha256)
        self.warm_up(version)
        return version

    def _find(self, announced: ModelUpdate) -> Path:
        """In this worker's registry; else where the trainer said that it is."""
        local = self._folder / Path(announced.version).name
        return local if local.exists() or not announced.path else Path(announced.path)

    def _swap(self, version: Version) -> None:
        before = self.current.id if self.current else "none"
        self.current = version
        self._metrics.swaps.inc()
        self._metrics.model.info({"version": version.id})
        log.info("model swapped", version=version.id, before=before)
