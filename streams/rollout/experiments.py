"""The experiments that a worker follows: the arms of the running one beside the policy in use."""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from models.contract.decision_context import HOLD_OUT
from models.decisions.policy import Policy
from models.decisions.policy_kinds import policy_of
from models.errors import PathcastError
from models.experiments.assignment import Assignment
from models.experiments.definition_file import arm_actions
from models.experiments.experiment import Arm, Experiment, decode_experiment
from models.registry.versions import Version
from streams.pipeline.served_policy import Arms, PoliciesInUse, ServedPolicy
from streams.transport.broadcast import Pairs

log: Final = structlog.get_logger("pathcast.experiments")


class Experiments:
    """Adds the arms of the experiment at the placement to the policy that `own` has in use.

    Only `apply` changes which experiments run. An experiment that this worker cannot follow is logged, and
    its visitors are decided for as if there were none; their decisions then name no arm.
    """

    def __init__(self, own: PoliciesInUse) -> None:
        self._own = own
        self._running: Mapping[str, Experiment] = {}
        #: By placement: the policy in use and the experiment, and both together.
        self._made: dict[str, tuple[ServedPolicy, Experiment, ServedPolicy]] = {}

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the experiments that run."""
        return tuple(sorted(self._running))

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
        return self._at_placement(self._own.of(version))

    def every(self, version: Version | None) -> Sequence[ServedPolicy]:
        """As `PoliciesInUse.every`, each with the arms of the experiment at its placement."""
        return [self._at_placement(own) for own in self._own.every(version)]

    def _at_placement(self, own: ServedPolicy) -> ServedPolicy:
        placement = own.policy.actions.placement
        running = next((one for one in self._running.values() if one.placement == placement), None)
        if running is None:
            return own
        made = self._made.get(placement)
        if made is None or made[0] is not own or made[1] is not running:
            made = self._made[placement] = own, running, self._with_arms(own, running)
        return made[2]

    def _with_arms(self, own: ServedPolicy, experiment: Experiment) -> ServedPolicy:
        try:
            served = tuple(ServedPolicy(self._policy(own, experiment, arm)) for arm in experiment.arms)
        except PathcastError as error:
            log.error("experiment not followed", experiment=experiment.name, reason=str(error))
            return own
        log.info("experiment followed", experiment=experiment.name, arms=list(experiment.names))
        return ServedPolicy(own.policy, Arms(experiment.name, Assignment(experiment), served))

    def _policy(self, own: ServedPolicy, experiment: Experiment, arm: Arm) -> Policy:
        if arm.name == HOLD_OUT or not (arm.actions or arm.policy):
            return own.policy
        return policy_of(arm_actions(experiment, arm, own.policy.actions))


def _read(name: str, value: bytes | None) -> Experiment | None:
    try:
        return decode_experiment(value) if value is not None else None
    except PathcastError as error:
        log.error("experiment not read", experiment=name, reason=str(error))
        return None
