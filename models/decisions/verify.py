"""Recompute a published decision from its own record and the action set that it names."""

from collections.abc import Mapping
from typing import Any

import msgspec

from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.actions_file import DEFAULT_POLICY, ActionsError
from models.decisions.decision import decide, draw_of, record_fields
from models.decisions.policy import Policy
from models.decisions.policy_kinds import versions


def verify(record: Mapping[str, Any], actions: ActionSet) -> list[str]:
    """The differences between a decoded `AdDecision` and its recomputation; empty if there are none."""
    return Verifier(actions).differences(record)


class Verifier:
    """`verify` for many records of one action set, whatever policy of the table decided them.

    Decisions of an earlier algorithm, made with the same file, are recomputed as it made them.
    """

    def __init__(self, actions: ActionSet) -> None:
        self._actions = actions
        self._known: dict[str, dict[str, Policy]] = {}

    def differences(self, record: Mapping[str, Any]) -> list[str]:
        """As `verify`."""
        name, version = record.get("policy", DEFAULT_POLICY), record.get("policy_version")
        try:
            known = self._versions(str(name))
        except ActionsError:
            return [f"policy: recorded {name!r}, which this program does not know; verify with one that does"]
        policy = known.get(version) if isinstance(version, str) else None
        if policy is None:
            return [
                f"policy_version: recorded {version!r}, these actions are {next(iter(known))!r}; "
                "verify with the actions file that was in use"
            ]
        expected = _recompute(policy, record)
        if isinstance(expected, str):
            return [expected]
        return [
            f"{field}: recorded {record.get(field)!r}, recomputed {value!r}"
            for field, value in expected.items()
            if record.get(field) != value
        ]

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
        draw = draw_of(event_id)
        decision = decide(policy, context, draw)
    except (msgspec.ValidationError, ValueError) as error:
        return f"context: {error}"
    wrong = _wrongly_allowed(policy.actions, context)
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
