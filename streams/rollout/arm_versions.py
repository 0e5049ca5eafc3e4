"""Learned policies that arms of experiments name, loaded while chunks go on."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import structlog

from models.errors import PathcastError
from models.experiments.experiment import Arm, Experiment, ExperimentError
from models.registry.policy_versions import PolicyVersion
from streams.rollout.model_cache import VersionCache

log: Final = structlog.get_logger("pathcast.experiments")


class _Key(NamedTuple):
    placement: str
    arm: Arm


class ArmVersions:
    """`caches` gives the versions of a placement, as for announced ones."""

    def __init__(self, caches: Callable[[str], VersionCache[PolicyVersion]]) -> None:
        self._caches = caches
        self._found: dict[_Key, PolicyVersion | str] = {}

    async def load(self, experiments: Iterable[Experiment]) -> bool:
        """Load the versions of these and no others; what failed before is tried again.

        Returns whether more of them can be used than before.
        """
        keys = [_Key(one.placement, arm) for one in experiments for arm in one.arms if arm.versioned]
        found = {key: self._found[key] for key in keys if isinstance(self._found.get(key), PolicyVersion)}
        more = False
        for key in keys:
            if key not in found:
                found[key] = await asyncio.to_thread(self._load, key)
                more |= isinstance(found[key], PolicyVersion)
        self._found = found
        return more

    def of(self, experiment: Experiment, arm: Arm) -> PolicyVersion:
        """The version of an arm. Raises ExperimentError with the reason why there is none."""
        found = self._found.get(_Key(experiment.placement, arm), "it has not been loaded yet")
        if isinstance(found, str):
            raise ExperimentError(
                f"experiment {experiment.name}, arm {arm.name}: version {arm.policy} cannot be used: {found}"
            )
        return found

    def _load(self, key: _Key) -> PolicyVersion | str:
        try:
            return self._caches(key.placement).load(key.arm.announced)
        except PathcastError as error:
            log.warning("version of an arm not loaded", arm=key.arm.name, reason=str(error))
            return str(error)
