"""The experiments that a worker follows: the arms of the running one beside the policy in use."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from models.contract.decision_context import HOLD_OUT
from models.decisions.policy_kinds import policy_of
from models.errors import PathcastError
from models.experiments.assignment import Assignment
from models.experiments.definition_file import arm_actions
from models.experiments.experiment import Arm, Experiment, ExperimentError, decode_experiment
from models.registry.versions import Version
from streams.pipeline.served_policy import Arms, PoliciesInUse, ServedPolicy
from streams.rollout.announced_versions import RETRY_SECONDS
from streams.rollout.arm_versions import ArmVersions
from streams.rollout.policy_binding import bind
from streams.transport.broadcast import Pairs

log: Final = structlog.get_logger("pathcast.experiments")


class Experiments:
    """Adds the arms of the experiment at the placement to the policy that `own` has in use.

    Only `apply` changes which experiments run. An experiment that this worker cannot follow is logged, and
    its visitors are decided for as if there were none; their decisions then name no arm.
    """

    def __init__(self, own: PoliciesInUse, versions: ArmVersions) -> None:
        self.retry_seconds = RETRY_SECONDS
        self._own, self._versions = own, versions
        self._loading = asyncio.Lock()
        self._running: Mapping[str, Experiment] = {}
        #: By placement: the policy in use, the experiment and the network, and what decides with them.
        self._made: dict[str, tuple[ServedPolicy, Experiment, str, ServedPolicy]] = {}

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the experiments that run."""
        return tuple(sorted(self._running))

    async def follow(self, pairs: Pairs) -> None:
        """As `apply`, once the versions that arms name are loaded."""
        read = [_read((key or b"").decode(errors="replace"), value) for key, value in pairs]
        later = [one for one in read if one is not None and one.running]
        async with self._loading:
            await self._versions.load([*self._running.values(), *later])
            self.apply(pairs)

    async def run(self) -> None:
        """Until cancelled, try versions of arms again that could not be loaded."""
        while True:
            await asyncio.sleep(self.retry_seconds)
            async with self._loading:
                if await self._versions.load(self._running.values()):
                    self._made = {}

    def apply(self, pairs: Pairs) -> None:
        """Follow definitions, by name; one that is stopped or deleted ends."""
        running = dict(self._running)
        for key, value in pairs:
            name = (key or b"").decode(errors="replace")
            experiment = _read(name, value)
            if experiment is not None and experiment.running:
                running[name] = experiment
            elif running.pop(name, None) is not None:
                log.info("experiment stopped", experiment=name)
        self._running = running

    def of(self, version: Version | None) -> ServedPolicy:
        """As `PoliciesInUse.of`, with the arms of a running experiment."""
        return self._at_placement(self._own.of(version), version)

    def every(self, version: Version | None) -> Sequence[ServedPolicy]:
        """As `PoliciesInUse.every`, each with the arms of the experiment at its placement."""
        return [self._at_placement(own, version) for own in self._own.every(version)]

    def _at_placement(self, own: ServedPolicy, version: Version | None) -> ServedPolicy:
        placement = own.policy.actions.placement
        running = next((one for one in self._running.values() if one.placement == placement), None)
        if running is None:
            return own
        made, network = self._made.get(placement), version.id if version else ""
        if made is None or made[0] is not own or made[1] is not running or made[2] != network:
            made = self._made[placement] = own, running, network, self._with_arms(own, running, network)
        return made[3]

    def _with_arms(self, own: ServedPolicy, experiment: Experiment, network: str) -> ServedPolicy:
        try:
            served = tuple(self._arm(own, experiment, arm, network) for arm in experiment.arms)
        except PathcastError as error:
            log.error("experiment not followed", experiment=experiment.name, reason=str(error))
            return own
        log.info("experiment followed", experiment=experiment.name, arms=list(experiment.names))
        return ServedPolicy(own.policy, Arms(experiment.name, Assignment(experiment), served))

    def _arm(self, own: ServedPolicy, experiment: Experiment, arm: Arm, network: str) -> ServedPolicy:
        if arm.name == HOLD_OUT or not (arm.actions or arm.policy):
            return ServedPolicy(own.policy)
        actions = arm_actions(experiment, arm, own.policy.actions)
        if not arm.versioned:
            return ServedPolicy(policy_of(actions))
        version = self._versions.of(experiment, arm)
        if version.network not in ("", network):
            raise ExperimentError(
                f"experiment {experiment.name}, arm {arm.name}: the version {version.id} reads states of the "
                f"network {version.network}; {network or 'none'} answers"
            )
        return bind(version, actions)


def _read(name: str, value: bytes | None) -> Experiment | None:
    try:
        return decode_experiment(value) if value is not None else None
    except PathcastError as error:
        log.error("experiment not read", experiment=name, reason=str(error))
        return None
