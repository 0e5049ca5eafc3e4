"""Verify decisions that experiments made: the visitor's arm, and the decision by that arm's actions file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from models.contract.decision_context import HOLD_OUT
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ActionsError
from models.decisions.verify import Verifier
from models.experiments.assignment import Assignment
from models.experiments.experiment import Arm, Experiment


class ExperimentVerifier:
    """`models.decisions.verify.Verifier` for records of several actions files and of experiments.

    `own` are the actions files that workers used. A record is recomputed by the one whose version it names.
    `experiments` are asked for when the first record names one. `make` makes the verifier of a file.
    """

    def __init__(
        self,
        own: Sequence[ActionSet],
        experiments: Iterable[Experiment] = (),
        make: Callable[[ActionSet], Verifier] = Verifier,
    ) -> None:
        self._given, self._make = experiments, make
        self._own = [make(actions) for actions in own]
        self._several = any(actions.several for actions in own)

    @cached_property
    def _experiments(self) -> dict[str, tuple[Assignment, dict[str, Sequence[Verifier]]]]:
        """By name: who is in which arm, and the verifiers of each arm."""
        return {
            one.name: (Assignment(one), {arm.name: self._of(arm) for arm in one.arms}) for one in self._given
        }

    def _of(self, arm: Arm) -> Sequence[Verifier]:
        try:
            if not arm.actions:
                return self._own
            actions = ActionSet.load(arm.actions)
            return [self._make(msgspec.structs.replace(actions, several=self._several))]
        except ActionsError:
            # No worker could follow it, so no decision is its own.
            return []

    def differences(self, record: Mapping[str, Any]) -> list[str]:
        """The differences between a decoded `AdDecision` and its recomputation; empty if there are none."""
        context = record.get("context")
        named = context if isinstance(context, Mapping) else {}
        experiment, arm = named.get("experiment"), named.get("arm")
        if experiment is None:
            return _best(self._own, record)
        if experiment not in self._experiments:
            return [f"experiment {experiment!r} is not known; verify where its definition can be read"]
        assignment, verifiers = self._experiments[experiment]
        expected = assignment.arm(str(record.get("visitor_id")))
        if arm != expected:
            return [f"arm: recorded {arm!r}, the visitor's is {expected!r}"]
        found = _best(verifiers[arm], record)
        return found or _offered(record) if arm == HOLD_OUT else found


def _best(verifiers: Sequence[Verifier], record: Mapping[str, Any]) -> list[str]:
    """The differences by the file that fits best: none, if one file gives the decision."""
    found = [verifier.differences(record) for verifier in verifiers]
    return next((one for one in found if not one), found[0] if found else ["no actions file to verify by"])


def _offered(record: Mapping[str, Any]) -> list[str]:
    offered = [name for name, share in record.get("probabilities", {}).items() if share]
    return [] if len(offered) == 1 else [f"probabilities: {offered} are offered to a held-out visitor"]
