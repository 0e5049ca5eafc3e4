"""Recomputes a published decision from nothing but its own record and the action set it names."""

from collections.abc import Mapping
from typing import Any

import msgspec

from models.actions import ActionSet
from models.policy import Context, Policy, draw_of


def verify(record: Mapping[str, Any], actions: ActionSet) -> list[str]:
    """The differences between a decoded `AdDecision` and its recomputation; empty if there are none."""
    return Verifier(actions).differences(record)


class Verifier:
    """`verify` for many records of one action set."""

    def __init__(self, actions: ActionSet) -> None:
        self._policy = Policy(actions)

    def differences(self, record: Mapping[str, Any]) -> list[str]:
        """As `verify`."""
        version = record.get("policy_version")
        if version != self._policy.version:
            return [
                f"policy_version: recorded {version!r}, these actions are {self._policy.version!r}; "
                "verify with the actions file that was in use"
            ]
        expected = self._recompute(record)
        if isinstance(expected, str):
            return [expected]
        return [
            f"{field}: recorded {record.get(field)!r}, recomputed {value!r}"
            for field, value in expected.items()
            if record.get(field) != value
        ]

    def _recompute(self, record: Mapping[str, Any]) -> dict[str, Any] | str:
        event_id = record.get("event_id")
        if not isinstance(event_id, str):
            return f"event_id: recorded {event_id!r}, expected a string"
        try:
            context = msgspec.convert(record.get("context"), Context)
            draw = draw_of(event_id)
            decision = self._policy.decide(context, draw)
        except (msgspec.ValidationError, ValueError) as error:
            return f"context: {error}"
        return self._policy.fields(event_id, context, decision, draw)
