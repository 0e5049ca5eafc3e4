"""Recompute a published decision from its own record and the action set that it names."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from models.constraints.action_limits import in_holdout
from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.actions_file import DEFAULT_POLICY, ActionsError
from models.decisions.decision import decide, draw_for, record_fields
from models.decisions.policy import Policy
from models.decisions.policy_kinds import versions
from models.errors import PathcastError

#: The policy of a version of the registry, by the version's id, for an action set. Raises PathcastError.
FindLearned = Callable[[str, ActionSet], Policy]


def verify(record: Mapping[str, Any], actions: ActionSet) -> list[str]:
    """The differences between a decoded `AdDecision` and its recomputation; empty if there are none."""
    return Verifier(actions).differences(record)


class Verifier:
    """`verify` for many records of one action set, whatever policies decided them.

    Decisions of an earlier algorithm, made with the same file, are recomputed as it made them. `learned`
    finds learned policies, each decision's own version.
    """

    def __init__(self, actions: ActionSet, learned: FindLearned | None = None) -> None:
        self._actions, self._learned = actions, learned
        self._known: dict[str, dict[str, Policy]] = {}
        self._found: dict[str, Policy | str] = {}

    def differences(self, record: Mapping[str, Any]) -> list[str]:
        """As `verify`."""
        policy = self._policy_of(record.get("policy", DEFAULT_POLICY), record.get("policy_version"))
        if isinstance(policy, str):
            return [policy]
        expected = _recompute(policy, record)
        if isinstance(expected, str):
            return [expected]
        return [
            f"{field}: recorded {record.get(field)!r}, recomputed {value!r}"
            for field, value in expected.items()
            if record.get(field) != value
        ]

    def _policy_of(self, name: Any, version: Any) -> Policy | str:
        """The policy that a record names, or why there is none."""
        if isinstance(version, str) and "." in version:
            found = self._found.get(version)
            if found is None:
                found = self._found[version] = self._find(version)
            return found
        try:
            known = self._versions(str(name))
        except ActionsError:
            return f"policy: recorded {name!r}, which this program does not know; verify with one that does"
        policy = known.get(version) if isinstance(version, str) else None
        return policy or self._other(version, next(iter(known)))

    def _find(self, version: str) -> Policy | str:
        if self._learned is None:
            return f"policy_version: recorded {version!r}, a learned policy; name the registry that has it"
        try:
            policy = self._learned(version.partition(".")[0], self._actions)
        except PathcastError as error:
            return f"policy_version: recorded {version!r}; {error}"
        return policy if policy.version == version else self._other(version, policy.version)

    def _other(self, recorded: Any, now: str) -> str:
        return (
            f"policy_version: recorded {recorded!r}, these actions are {now!r}; "
            "verify with the actions file that was in use"
        )

    def _versions(self, name: str) -> dict[str, Policy]:
        """The policies of a name by version, the one of now first."""
        if name not in self._known:
            self._known[name] = {policy.version: policy for policy in versions(name, self._actions)}
        return self._known[name]


def _recompute(policy: Policy, record: Mapping[str, Any]) -> dict[str, Any] | str:
    event_id = record.get("event_id")
    if not isinstance(event_id, str):
        return f"event_id: recorded {event_id!r}, expected a string"
    try:
        context = msgspec.convert(record.get("context"), Context)
        _check_vector(policy, context)
        draw = draw_for(policy.actions, event_id)
        decision = decide(policy, context, draw)
    except (msgspec.ValidationError, ValueError) as error:
        return f"context: {error}"
    wrong = _wrongly_allowed(policy.actions, context) or _against_limits(policy.actions, context, record)
    return wrong or record_fields(policy, event_id, context, decision, draw)


def _check_vector(policy: Policy, context: Context) -> None:
    found = len(context.vector or ())
    if found != len(policy.inputs):
        raise ValueError(f"vector of {found} numbers, policy {policy.name} has {len(policy.inputs)}")


def _wrongly_allowed(actions: ActionSet, context: Context) -> str:
    """Errors of the mask that the record itself shows: risk and consent are recorded, caps are not."""
    allowed = context.mask & ~(1 << actions.none)
    if not context.consent:
        return f"mask: {context.mask:#b} without consent, expected {1 << actions.none:#b}" if allowed else ""
    risky = allowed & actions.too_risky(context.session_risk)
    names = [name for position, name in enumerate(actions.names) if risky >> position & 1]
    return (
        f"mask: allows {names} at a session risk of {context.session_risk}, above their limits"
        if risky
        else ""
    )


def _against_limits(actions: ActionSet, context: Context, record: Mapping[str, Any]) -> str:
    """Errors of the mask by constraints that need no state: recorded ones, flights' dates, the hold-out."""
    limits, allowed = actions.limits, context.mask & ~(1 << actions.none)
    found = {f"recorded as withheld ({reason})": bits for reason, bits in (context.withheld or {}).items()}
    found["outside its flight's dates"] = limits.closed(record["ts"]) if "ts" in record else 0
    if limits.holdout is not None and in_holdout(limits.holdout, str(record.get("visitor_id"))):
        found["to a visitor of the hold-out group"] = limits.others
    for said, bits in found.items():
        names = [name for position, name in enumerate(actions.names) if (allowed & bits) >> position & 1]
        if names:
            return f"mask: allows {names} {said}"
    return ""
