"""The table of policies: an actions file chooses one by its name (`policy`)."""

from collections.abc import Callable, Mapping
from typing import Final

from models.contract.decision_context import MAX_INPUTS
from models.decisions import rules_policy
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ActionsError
from models.decisions.policy import Policy

#: By name: a function from an action set to the current policy, followed by earlier algorithms, whose
#: decisions are still verified.
POLICIES: Final[Mapping[str, Callable[[ActionSet], tuple[Policy, ...]]]] = {
    "rules": rules_policy.versions,
}


def policy_of(actions: ActionSet) -> Policy:
    """The policy that the action set names. Raises ActionsError if it is unknown or has too many inputs."""
    policy = versions(actions.policy, actions)[0]
    if len(policy.inputs) > MAX_INPUTS:
        raise ActionsError(
            f"policy {policy.name} decides from {len(policy.inputs)} inputs; expected at most {MAX_INPUTS}, "
            "since each is on the record of every decision; give it fewer"
        )
    return policy


def versions(name: str, actions: ActionSet) -> tuple[Policy, ...]:
    """All algorithms of this policy for an action set, the current one first. Raises ActionsError."""
    made = POLICIES.get(name)
    if made is None:
        raise ActionsError(
            f"actions file, policy: found {name!r}; expected one of {', '.join(POLICIES)}; correct the name"
        )
    return made(actions)
