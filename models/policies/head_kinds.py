"""The table of kinds of learned policies: one line and one file each."""

from collections.abc import Mapping
from typing import Final

from models.policies.deep_head import DeepHead
from models.policies.fixed_heads import RulesHead, UniformHead
from models.policies.linear_head import LinearHead, UpliftHead
from models.policies.policy_errors import LearnedPolicyError
from models.policies.policy_heads import MakePolicyHead, PolicyHead, PolicyHeadInputs
from models.policies.posterior_head import OptimisticHead, ThompsonHead

HEADS: Final[Mapping[str, MakePolicyHead]] = {
    "softmax": LinearHead,
    "uplift": UpliftHead,
    "ucb": OptimisticHead,
    "thompson": ThompsonHead,
    "dqn": DeepHead,
    "rules": RulesHead,
    "uniform": UniformHead,
}


def make_head(kind: str, given: PolicyHeadInputs) -> PolicyHead:
    """A head of the table. Raises LearnedPolicyError for an unknown kind or tensors that do not fit."""
    made = HEADS.get(kind)
    if made is None:
        raise LearnedPolicyError(
            f"the policy has a head of kind {kind!r}, which this program does not know (it knows "
            f"{', '.join(HEADS)}); use the program that made it"
        )
    try:
        return made(given)
    except (KeyError, IndexError, ValueError) as error:
        raise LearnedPolicyError(
            f"the policy's head {kind!r} does not fit: {error}; train it again"
        ) from error
