"""The pipeline of a worker in the gateway: the announced versions, the catalogue, actions and experiments.

It follows the same topics as a worker's, and so has the same versions. It has no partition and no state.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from streams.service.installation import Installation
from streams.service.pipeline_wiring import PipelineParts
from streams.transport.broadcast import Broadcast, Pairs

log = structlog.get_logger("pathcast.gateway")
#: Seconds until a topic is followed again after a failure.
PAUSE_SECONDS = 1.0


class ServingModel:
    """Follows what workers follow, while `running`."""

    def __init__(self, at: Installation, parts: PipelineParts) -> None:
        self.parts = parts
        connection, wire = at.connection.aiokafka(), at.settings.wire_format()
        self._broadcasts = [
            Broadcast(at.names.items, connection, lambda pairs: parts.catalogue.apply(wire.pairs(pairs))),
            Broadcast(at.names.model_updates, connection, self._follow),
            Broadcast(at.names.experiments, connection, parts.experiments.apply),
        ]

    def conditions(self) -> dict[str, bool]:
        """For /readyz: whether each topic was read to its end."""
        return {f"{one.topic} read": one.caught_up.is_set() for one in self._broadcasts}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow until left."""
        chores: list[Coroutine[Any, Any, None]] = [_again(one) for one in self._broadcasts]
        chores += [self.parts.models.run(), self.parts.policies.run(), self.parts.actions.run()]
        tasks = [asyncio.create_task(chore) for chore in chores]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, pairs: Pairs) -> None:
        """Networks first: a policy may decide from what a network of the same records knows."""
        await self.parts.models.apply(pairs)
        await self.parts.policies.apply(pairs)


async def _again(broadcast: Broadcast) -> None:
    """Follow a topic, from its beginning after a failure: what it says is the same."""
    while True:
        try:
            await broadcast.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, answers go on with what is known
            log.warning("a topic is not followed", topic=broadcast.topic, reason=type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)
