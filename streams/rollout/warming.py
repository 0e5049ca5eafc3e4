"""Warm up a version before a chunk depends on it, and say what that takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from models.compiled import compilations
from models.registry.versions import Version
from models.scoring.scores import Scores
from models.serving import warm_up as sample
from streams.texts.heads_json import HeadsEncoder
from streams.texts.items_json import ItemsEncoder

log = structlog.get_logger("pathcast.reload")
#: Least seconds between two lines of progress.
PROGRESS_SECONDS = 2.0


def warm_up(version: Version) -> None:
    """Score sample clicks with every tier of a version. Raises ScoringError where an answer is not finite."""
    started = time.perf_counter()
    _encode(sample.warm_up(version))
    log.info("version warmed up", version=version.id, seconds=round(time.perf_counter() - started, 2))


def warm_up_popular() -> None:
    """Answer sample clicks without a version: the first clicks of a worker may come before any."""
    with kernels_told():
        _encode(sample.warm_up_popular())


def _encode(scores: Scores) -> None:
    """By encoders of their own: those in use keep the texts of the version in use."""
    ItemsEncoder().lists(scores)
    HeadsEncoder().texts(scores)


@contextmanager
def kernels_told() -> Iterator[None]:
    """Log which kernels are compiled meanwhile: none where the machine's cache has them."""
    progress = KernelLog()
    with compilations(progress.begins):
        yield
    progress.ends()


class KernelLog:
    """Logs the first kernel that is compiled, one every PROGRESS_SECONDS, and how long all took."""

    def __init__(self) -> None:
        self._kernels, self._began, self._told = 0, 0.0, 0.0

    def begins(self, kernel: str) -> None:
        """A kernel begins to be compiled."""
        now = time.perf_counter()
        self._began = self._began or now
        self._kernels += 1
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            log.info(
                "compiling kernels", kernel=kernel, number=self._kernels, seconds=round(now - self._began)
            )

    def ends(self) -> None:
        """All kernels are there."""
        if self._kernels:
            seconds = round(time.perf_counter() - self._began, 1)
            log.info("kernels compiled", kernels=self._kernels, seconds=seconds)
