"""What a worker says once it knows catalogue and model: who will answer, and what is missing."""

from collections.abc import Callable, Coroutine, Sized
from typing import Any

import structlog

log = structlog.get_logger("pathcast.worker")

NO_MODEL = (
    "no model is in use: popular items answer, with a purchase probability that is the same for all at the "
    "same stage of a session"
)
TRAIN = "pathcast train --events LOG --registry registry --announce; the worker takes it up while it runs"
NO_ITEMS = (
    "no catalogue was read: recommendations leave out nothing for want of stock, and may be empty at first"
)
ITEMS = "pathcast replay LOG publishes one, or send items to the topic of items"


def start_up_warnings(
    model: Callable[[], object | None], catalogue: Sized
) -> Callable[[], Coroutine[Any, Any, None]]:
    """A chore that says it, begun when both topics have been read to their ends."""

    async def say() -> None:
        if model() is None:
            log.warning("no model", meaning=NO_MODEL, advice=TRAIN)
        if not len(catalogue):
            log.warning("no catalogue", meaning=NO_ITEMS, advice=ITEMS)

    return say
