"""Bind a version of a policy to the actions in use, and try it on sample contexts before a click needs it."""

from collections.abc import Iterator
from typing import Final

from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE, ActionsError
from models.decisions.policy import Policy
from models.registry.policy_versions import PolicyVersion
from models.registry.refusals import Refusal, RegistryError
from streams.pipeline.served_policy import ServedPolicy

#: Values of all inputs of the sample contexts.
_VALUES: Final = (0.0, 1.0, -3.0)


def bind(version: PolicyVersion, actions: ActionSet) -> ServedPolicy:
    """The version as it decides for an action set.

    Raises RegistryError with refusal ACTIONS, INPUTS (which no click has, or others than the actions file
    records, from which later policies are trained), or WARM_UP.
    """
    policy = version.bound(actions)
    if not version.records(actions.inputs):
        raise RegistryError(
            f"{version.path} decides from the inputs {list(policy.inputs)}; the actions file records "
            f"{list(actions.inputs)}: train it from decisions with these, or name its inputs in the file",
            Refusal.INPUTS,
        )
    try:
        served = ServedPolicy(policy)
    except ActionsError as error:
        raise RegistryError(f"{version.path}: {error}", Refusal.INPUTS) from error
    try:
        _try(policy)
    except Exception as error:
        raise RegistryError(
            f"{version.path} gave no decision on a sample context: {error!r}; train it again", Refusal.WARM_UP
        ) from error
    return served


def _try(policy: Policy) -> None:
    """Raises ValueError for a distribution that cannot be drawn from."""
    actions = policy.actions
    samples = list(_samples(policy))
    for context, evaluation in zip(samples, policy.evaluate(samples), strict=True):
        for mask in (actions.all_bits, 1 << actions.none):
            sums = evaluation.choose(mask).distribution.cumulative
            units = [after - before for before, after in zip((0, *sums), sums, strict=False)]
            outside = sum(unit for at, unit in enumerate(units) if not mask >> at & 1)
            if sums[-1] != ONE or min(units) < 0 or outside:
                raise ValueError(f"units {units} of mask {mask:#b} in {context}")


def _samples(policy: Policy) -> Iterator[Context]:
    for value in _VALUES:
        vector = [value] * len(policy.inputs) or None
        known = 0.5, "cart", 10_000, "add_to_cart", 3, policy.actions.all_bits, None, True, vector
        yield Context(*known)  # type: ignore[arg-type]
