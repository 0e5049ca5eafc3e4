"""The model versions of a running worker: which is in use, and which is compared with it.

An announced version is verified, loaded and warmed up on a thread. Chunks use it from the next transaction
on, because each of them reads `current` once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
import structlog

from models.contract.updates import ModelReport, ModelUpdate
from models.registry.refusals import Refusal, RegistryError
from models.registry.versions import Version
from models.scoring.scores import ScoringError
from streams.metrics import Metrics
from streams.pipeline.chunk import Chunk
from streams.rollout import announcements
from streams.rollout.announced_versions import RETRY_SECONDS, AnnouncedVersions
from streams.rollout.model_cache import ModelCache
from streams.rollout.refused import RefusedVersion, RefusedVersions
from streams.rollout.shadow import Shadow
from streams.rollout.warming import kernels_told, warm_up
from streams.transport.broadcast import Pairs

log = structlog.get_logger("pathcast.reload")


class Models:
    """The model in use (None: the fallback chain answers). Only `apply` changes it.

    `tell` takes reports to publish; `warm_up` scores a small input with a version, so that its first chunk
    does not wait for lazy set-up.
    """

    def __init__(
        self,
        cache: ModelCache,
        metrics: Metrics,
        shadow: Shadow,
        worker: str = "",
        tell: Callable[[ModelReport], None] = lambda report: None,
        warm_up: Callable[[Version], None] = warm_up,
    ) -> None:
        self.shadow = shadow
        self.current: Version | None = None
        self.retry_seconds = RETRY_SECONDS
        self._cache, self._metrics, self._worker = cache, metrics, worker
        self._tell, self._warm_up = tell, warm_up
        self._refused = RefusedVersions(worker, tell, metrics.models_refused)
        self._follower = AnnouncedVersions(self._load, self._swap, self._refuse)
        self._following = asyncio.Lock()

    @property
    def refused(self) -> deque[RefusedVersion]:
        """The last refused versions, the latest last."""
        return self._refused.last

    async def apply(self, pairs: Pairs) -> None:
        """Follow announcements of networks; of several at once the last usable one is used."""
        async with self._following:
            await self._follower.follow(announcements.networks(pairs))
            if trials := announcements.trials(pairs):
                await self._compare(trials[-1])

    async def _compare(self, value: bytes | None) -> None:
        """Put a challenger beside the version in use; None ends it."""
        self.shadow.stop()
        version = await self._follower.usable(value) if value is not None else None
        if value is not None and version is not None:
            self.shadow.start(version, announcements.read(value).events)
            log.info("challenger", version=version.id)

    async def run(self) -> None:
        """Until cancelled, try announcements again that were refused for a transient reason."""
        while True:
            await asyncio.sleep(self.retry_seconds)
            async with self._following:
                await self._follower.retry()

    def _load(self, announced: ModelUpdate) -> Version:
        with kernels_told():
            return self._warmed_up(self._cache.load(announced))

    def _warmed_up(self, version: Version) -> Version:
        try:
            self._warm_up(version)
        except ScoringError as error:
            raise RegistryError(f"{version.path}: {error}; train it again", Refusal.WARM_UP) from error
        return version

    def _refuse(self, version: str, error: Exception) -> None:
        self._refused.add(version, error, self.current.id if self.current else "none")

    def _swap(self, version: Version) -> None:
        before = self.current.id if self.current else "none"
        self.current = version
        self._metrics.swaps.inc()
        self._metrics.model.info({"version": version.id})
        self._metrics.model_created.set(version.created_at / 1000)
        challenger = self.shadow.challenger
        self._cache.prune([version.id, *([challenger.id] if challenger else [])])
        now = int(time.time() * 1000)
        report = ModelReport(worker=self._worker, kind="in_use", version=version.id, incumbent=before, at=now)
        self._tell(report)
        log.info("model swapped", version=version.id, before=before)

    def follow_chunk(self, chunk: Chunk) -> None:
        """Compare versions on a committed chunk; drop the visitors that it erased."""
        for key in chunk.forgotten:
            self.shadow.forget(key)
        if not chunk.forgotten and (failure := self.shadow.compare(chunk)) is not None:
            self._refuse(*failure)

    def describe(self) -> dict[str, Any]:
        """For `/models`: the version in use, and refused versions, the latest first."""
        current = self.current
        used = {"version": current.id, "created_at": current.created_at} if current else None
        trial = self.shadow.trial
        compared = msgspec.to_builtins(trial.comparison()) if trial else None
        refused = [asdict(one) for one in reversed(self.refused)]
        return {"worker": self._worker, "current": used, "shadow": compared, "refused": refused}

    def compared(self) -> ModelReport | None:
        """News of the running comparison."""
        trial = self.shadow.news()
        if trial is None:
            return None
        return ModelReport(
            worker=self._worker,
            kind="shadow",
            version=trial.challenger.id,
            incumbent=trial.incumbent.id,
            at=int(time.time() * 1000),
            shadow=trial.comparison(),
        )
