"""The policies of a running worker: which one decides for each placement.

An announced version is verified, loaded, bound to the actions in use and tried on a thread. The next pass
over chunks uses it, because each of them asks `of` once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from models.contract.updates import ModelReport
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import policy_of
from models.registry.policy_versions import PolicyVersion
from models.registry.versions import Version
from streams.metrics import Metrics
from streams.pipeline.served_policy import ServedPolicy
from streams.rollout import announcements
from streams.rollout.announced_versions import RETRY_SECONDS
from streams.rollout.model_cache import VersionCache
from streams.rollout.placement_policy import PlacementPolicy
from streams.transport.broadcast import Pairs

#: Most placements without actions here whose announcements are remembered.
MOST_WAITING = 1_000


class Policies:
    """`caches` gives the versions of a placement; `tell` takes reports to publish.

    Raises ActionsError for actions whose policy is unknown.
    """

    def __init__(
        self,
        actions: Sequence[ActionSet],
        caches: Callable[[str], VersionCache[PolicyVersion]],
        metrics: Metrics,
        worker: str = "",
        tell: Callable[[ModelReport], None] = lambda report: None,
    ) -> None:
        self.retry_seconds = RETRY_SECONDS
        self._caches, self._metrics, self._worker, self._tell = caches, metrics, worker, tell
        self._placements = {one.placement: self._placement(one) for one in actions}
        #: The last announcement of each placement, also of those that the actions file does not have (yet).
        self._latest: dict[str, bytes | None] = {}
        self._following = asyncio.Lock()

    def of(self, version: Version | None) -> ServedPolicy:
        """The first placement's policy; one that reads session states needs the network that makes them."""
        return self.every(version)[0]

    def every(self, version: Version | None) -> Sequence[ServedPolicy]:
        """The policies of all placements, in the order of the actions file."""
        network = version.id if version else ""
        return [placement.beside(network) for placement in self._placements.values()]

    async def apply(self, pairs: Pairs) -> None:
        """Follow announcements of policies; a tombstone lets the actions file's own policy decide."""
        async with self._following:
            for placement, values in announcements.policies(pairs).items():
                await self._follow(placement, values)

    async def take_actions(self, actions: Sequence[ActionSet]) -> None:
        """Let changed actions decide from the next pass on. Raises ActionsError, and then nothing changes."""
        async with self._following:
            for one in actions:
                ServedPolicy(policy_of(one))
            before = self._placements
            fitting = {name for name, placement in before.items() if not placement.refuses_latest}
            self._placements = {one.placement: self._changed(one) for one in actions}
            for name in before.keys() - self._placements.keys():
                self._metrics.policy.remove(name)
            for name in self._placements.keys() & self._latest.keys() - fitting:
                await self._follow(name, [self._latest[name]])

    async def run(self) -> None:
        """Until cancelled, try announcements again that were refused for a transient reason."""
        while True:
            await asyncio.sleep(self.retry_seconds)
            async with self._following:
                for placement in self._placements.values():
                    await placement.follower.retry()

    def unlearned(self) -> list[str]:
        """Placements whose actions file asks for a learned policy, where another one decides."""
        return [name for name, placement in self._placements.items() if placement.waits]

    def describe(self) -> dict[str, Any]:
        """For `/models`, by placement."""
        return {name: placement.describe() for name, placement in self._placements.items()}

    async def _follow(self, placement: str, values: Sequence[bytes | None]) -> None:
        """The announcements since the last tombstone."""
        if placement in self._placements or len(self._latest) < MOST_WAITING:
            self._latest[placement] = values[-1]
        found = self._placements.get(placement)
        if found is None:
            return
        withdrawn = max((at for at, value in enumerate(values) if value is None), default=-1)
        if withdrawn >= 0:
            found.withdraw()
        await found.follower.follow([value for value in values[withdrawn + 1 :] if value is not None])

    def _changed(self, actions: ActionSet) -> PlacementPolicy:
        """The placement with these actions, which have been checked."""
        found = self._placements.get(actions.placement)
        if found is None:
            return self._placement(actions)
        found.take_actions(actions)
        return found

    def _placement(self, actions: ActionSet) -> PlacementPolicy:
        cache = self._caches(actions.placement)
        return PlacementPolicy(actions, cache, self._metrics, self._worker, self._tell)
