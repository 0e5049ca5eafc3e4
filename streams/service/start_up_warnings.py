"""Warn about a missing model or catalogue once their topics are read."""

from collections.abc import Callable, Coroutine, Sized
from typing import Any

import structlog

log = structlog.get_logger("pathcast.worker")

NO_MODEL = (
    "no model is in use: popular items answer, and the purchase probability depends only on the stage of "
    "the session"
)
TRAIN = "pathcast train --events LOG --registry registry --announce; the worker takes it up while it runs"
NO_ITEMS = (
    "the catalogue is empty: items out of stock are recommended, too, and recommendations may be empty at "
    "first"
)
ITEMS = "pathcast replay LOG publishes one, or send items to the topic of items"


def start_up_warnings(
    model: Callable[[], object | None], catalogue: Sized
) -> Callable[[], Coroutine[Any, Any, None]]:
    """A background task that warns; start it when both topics are read to their ends."""

    async def say() -> None:
        if model() is None:
            log.warning("no model", meaning=NO_MODEL, advice=TRAIN)
        if not len(catalogue):
            log.warning("no catalogue", meaning=NO_ITEMS, advice=ITEMS)

    return say
