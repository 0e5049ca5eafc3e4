"""The table of policies: an actions file chooses one by its name (`policy`)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from models.contract.decision_context import INTENT_INPUT, MAX_INPUTS
from models.decisions import rules_policy
from models.decisions.actions import ActionSet
from models.decisions.actions_file import DEFAULT_POLICY, ActionsError
from models.decisions.policy import Policy

#: The policy of an actions file that leaves the choice to the versions of the registry: the announced one
#: decides. Before there is one, and wherever none fits, `rules` do.
LEARNED: Final = "learned"


def _later(module: str, name: str) -> Callable[[ActionSet], tuple[Policy, ...]]:
    """The function `name` of a room above this one, imported when an actions file names its policy."""
    return lambda actions: tuple(getattr(import_module(module), name)(actions))


#: By name: a function from an action set to the current policy, followed by earlier algorithms, whose
#: decisions are still verified.
POLICIES: Final[Mapping[str, Callable[[ActionSet], tuple[Policy, ...]]]] = {
    "rules": rules_policy.versions,
    "guidance-rules": _later("models.guidance.guidance_policy", "rules"),
    "guidance-model": _later("models.guidance.guidance_policy", "model"),
    "guidance-hybrid": _later("models.guidance.guidance_policy", "hybrid"),
}


def policy_of(actions: ActionSet) -> Policy:
    """The policy that the action set names. Raises ActionsError if it is unknown or has too many inputs."""
    policy = versions(actions.policy, actions)[0]
    unread = [one.name for one in actions.actions if one.intents is not None or one.intent_values is not None]
    if unread and not any(name.startswith(INTENT_INPUT) for name in policy.inputs):
        raise ActionsError(
            f"actions file, {unread[0]}: found intents or intent_values, which policy {policy.name} does not "
            "read; expected a policy of guidance; name one, such as guidance-rules, or remove them"
        )
    if len(policy.inputs) > MAX_INPUTS:
        raise ActionsError(
            f"policy {policy.name} decides from {len(policy.inputs)} inputs; expected at most {MAX_INPUTS}, "
            "since each is on the record of every decision; give it fewer"
        )
    return policy


def versions(name: str, actions: ActionSet) -> tuple[Policy, ...]:
    """All algorithms of this policy for an action set, the current one first. Raises ActionsError."""
    made = POLICIES.get(DEFAULT_POLICY if name == LEARNED else name)
    if made is None:
        known = ", ".join((*POLICIES, LEARNED))
        raise ActionsError(f"actions file, policy: found {name!r}; expected one of {known}; correct the name")
    return made(actions)
