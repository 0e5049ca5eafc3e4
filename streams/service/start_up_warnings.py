"""Warn about a missing model or catalogue once their topics are read."""

from collections.abc import Callable, Coroutine, Sequence, Sized
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
NO_POLICY = "the actions file asks for a learned policy, and none is in use: its rules decide until one is"
PROMOTE = "pathcast models promote VERSION; `pathcast models list --kind policy` shows what there is"


def start_up_warnings(
    model: Callable[[], object | None],
    catalogue: Sized,
    unlearned: Callable[[], Sequence[str]] = lambda: (),
) -> Callable[[], Coroutine[Any, Any, None]]:
    """A background task that warns; start it when both topics are read to their ends.

    `unlearned` tells the placements that wait for a learned policy.
    """

    async def say() -> None:
        if model() is None:
            log.warning("no model", meaning=NO_MODEL, advice=TRAIN)
        if not len(catalogue):
            log.warning("no catalogue", meaning=NO_ITEMS, advice=ITEMS)
        if placements := unlearned():
            log.warning("no policy", placements=list(placements), meaning=NO_POLICY, advice=PROMOTE)

    return say
