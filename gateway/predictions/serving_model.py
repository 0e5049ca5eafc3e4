"""The pipeline of a worker in the gateway: the announced versions, the catalogue, actions and experiments.

It follows the same topics as a worker's, and so has the same versions. It has no partition and no state.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.http.kept_running import KeptRunning
from gateway.http.parts import States
from streams.service.installation import Installation
from streams.service.pipeline_wiring import PipelineParts
from streams.transport.broadcast import Broadcast, Pairs


class ServingModel:
    """Follows what workers follow, while `running`."""

    def __init__(self, at: Installation, parts: PipelineParts) -> None:
        self.parts = parts
        connection, wire = at.connection.aiokafka(), at.settings.wire_format()
        self._broadcasts = [
            _followed(
                Broadcast(at.names.items, connection, lambda pairs: parts.catalogue.apply(wire.pairs(pairs)))
            ),
            _followed(Broadcast(at.names.model_updates, connection, self._follow)),
            _followed(Broadcast(at.names.experiments, connection, parts.experiments.apply)),
        ]
        self._chores = [
            KeptRunning("refused_models_tried_again", parts.models.run),
            KeptRunning("refused_policies_tried_again", parts.policies.run),
            KeptRunning("actions_file_followed", parts.actions.run),
        ]

    def conditions(self) -> States:
        """For /readyz: whether each topic was read to its end, and whether what follows it goes on."""
        read: States = {kept.name: kept.state(one.caught_up.is_set()) for one, kept in self._broadcasts}
        return read | {one.name: one.state() for one in self._chores}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow until left."""
        async with AsyncExitStack() as stack:
            for one in [*(kept for _, kept in self._broadcasts), *self._chores]:
                await stack.enter_async_context(one.running())
            yield

    async def _follow(self, pairs: Pairs) -> None:
        """Networks first: a policy may decide from what a network of the same records knows."""
        await self.parts.models.apply(pairs)
        await self.parts.policies.apply(pairs)


def _followed(broadcast: Broadcast) -> tuple[Broadcast, KeptRunning]:
    """A topic is read from its beginning after a failure: what it says is the same."""
    return broadcast, KeptRunning(f"{broadcast.topic} read", broadcast.run)
