"""What a worker follows while it runs: the catalogue, and the model that was announced last.

A version is verified, loaded and warmed up on a thread of its own; chunks take up the new one between two
transactions, since each of them reads `current` once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import structlog

from models.refusals import PASSING, Refusal, RegistryError
from models.scores import ScoringError
from models.updates import ModelUpdate
from models.versions import Version
from streams.broadcast import Pairs
from streams.depot import Depot
from streams.metrics import Metrics

log = structlog.get_logger("pathcast.reload")

#: Refusals that `/models` shows.
REMEMBERED = 20
#: Seconds until a version is tried again whose registry or disk was at fault.
RETRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Refused:
    """An announcement not followed; `at` is epoch ms, `incumbent` what went on ("none": the ladder)."""

    version: str
    refusal: Refusal
    message: str
    at: int
    incumbent: str


class Models:
    """The model in use (None: the ladder answers). Only `apply` changes it."""

    def __init__(self, depot: Depot, metrics: Metrics) -> None:
        self.current: Version | None = None
        self.refused: deque[Refused] = deque(maxlen=REMEMBERED)
        #: Scores something small with a version, so that its first chunk does not wait for lazy set-up.
        self.warm_up: Callable[[Version], None] = lambda version: None
        self.retry_seconds = RETRY_SECONDS
        self._depot, self._metrics = depot, metrics
        #: An announcement to be tried again, by its own value.
        self._postponed: bytes | None = None
        #: A second try must not end after, and over, a later announcement.
        self._following = asyncio.Lock()

    async def apply(self, pairs: Pairs) -> None:
        """Follow announcements; of several at once only the last matters. What cannot be used is refused."""
        values = [value for _, value in pairs if value is not None]
        if values:
            async with self._following:
                await self._follow(values[-1])

    async def _follow(self, value: bytes) -> None:
        self._postponed, named = None, ""
        try:
            announced = _announced(value)
            named = announced.version
            version = await asyncio.to_thread(self._load, announced)
        except Exception as error:  # noqa: BLE001 - announcements are input: none may end the worker
            self._refuse(named, error)
            if getattr(error, "refusal", None) in PASSING:
                self._postponed = value
            return
        self._swap(version)

    async def run(self) -> None:
        """Try again, until cancelled, what was refused for a reason that may pass."""
        while True:
            await asyncio.sleep(self.retry_seconds)
            async with self._following:
                if self._postponed is not None:
                    await self._follow(self._postponed)

    def _load(self, announced: ModelUpdate) -> Version:
        version = self._depot.load(announced)
        try:
            self.warm_up(version)
        except ScoringError as error:
            raise RegistryError(f"{version.path}: {error}; train it again", Refusal.WARM_UP) from error
        return version

    def _refuse(self, version: str, error: Exception) -> None:
        refusal, message = getattr(error, "refusal", Refusal.OTHER), str(error) or repr(error)
        incumbent = self.current.id if self.current else "none"
        self.refused.append(Refused(version, refusal, message, int(time.time() * 1000), incumbent))
        self._metrics.models_refused.labels(refusal.value).inc()
        log.error(
            "model refused", version=version, refusal=refusal.value, reason=message, incumbent=incumbent
        )

    def _swap(self, version: Version) -> None:
        before = self.current.id if self.current else "none"
        self.current = version
        self._metrics.swaps.inc()
        self._metrics.model.info({"version": version.id})
        self._depot.prune([version.id])
        log.info("model swapped", version=version.id, before=before)

    def describe(self) -> dict[str, Any]:
        """For `/models`: the version in use, and what was refused, the latest first."""
        current = self.current
        used = {"version": current.id, "created_at": current.created_at} if current else None
        return {"current": used, "refused": [asdict(one) for one in reversed(self.refused)]}


def _announced(value: bytes) -> ModelUpdate:
    try:
        return msgspec.json.decode(value, type=ModelUpdate)
    except (ValueError, RecursionError) as error:
        raise RegistryError(
            f"the announcement {value[:60]!r} is none: {error}; announce the version again",
            Refusal.ANNOUNCEMENT,
        ) from error
