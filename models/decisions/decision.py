"""Decisions of any policy: an action drawn from its distribution, with the propensity it was drawn with.

Order (Pathcast's `docs/decisioning.md`): constraints mask the actions, the policy gives a distribution over
those allowed, and a draw seeded by the event id samples. Logging the exact propensity is what makes the log
usable for off-policy evaluation (Li et al. 2010, *A Contextual-Bandit Approach to Personalized News Article
Recommendation*; Bottou et al. 2013 for one draw for both `action` and `would_have`).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import xxhash

from models.contract.decision_context import Context, Stage
from models.decisions.action_distribution import ActionDistribution
from models.decisions.actions import ActionSet
from models.decisions.actions_file import DEFAULT_POLICY, ONE
from models.decisions.policy import Policy, PolicyEvaluation

#: Steps of published probabilities.
STEPS: Final = 10_000


class Decision(msgspec.Struct, frozen=True, gc=False):
    """A sampled action: `preferred` is the policy's best one, `explored` that the draw took another one.

    `would_have` is what the same draw gives with nothing masked. The distribution may be shared between
    decisions.
    """

    action: str
    position: int
    propensity: float
    distribution: ActionDistribution
    preferred: str
    would_have: str
    explored: bool

    @property
    def probabilities(self) -> dict[str, float]:
        """By action name; may be shared between decisions: not to be changed."""
        return self.distribution.probabilities


def decide(policy: Policy, context: Context, draw: int) -> Decision:
    """The decision for `context`; `draw` is `draw_of(event_id)`, in [0, 2^53).

    Raises ValueError for a mask of other actions.
    """
    return sample(policy.actions, policy.evaluate([context])[0], context.mask, draw)


def sample(actions: ActionSet, evaluation: PolicyEvaluation, mask: int, draw: int) -> Decision:
    """As `decide`, for an evaluated context. Also raises ValueError if the policy draws a masked action."""
    full, names = actions.all_bits, actions.names
    if mask & ~full or not mask >> actions.none & 1:
        expected = f"expected to hold action {actions.none} and none beyond {full:#b}"
        raise ValueError(f"mask {mask:#b}: {expected}")
    choice = evaluation.choose(mask)
    distribution, preferred = choice.distribution, choice.preferred
    position = would_have = distribution.position(draw)
    if not mask >> position & 1:
        raise ValueError(f"the policy gave {names[position]} a probability, which mask {mask:#b} leaves out")
    if mask != full:
        would_have = evaluation.choose(full).distribution.position(draw)
    return Decision(
        names[position],
        position,
        distribution.probability(position),
        distribution,
        names[preferred],
        names[would_have],
        position != preferred,
    )


def record_fields(
    policy: Policy, event_id: str, context: Context, decision: Decision, draw: int
) -> dict[str, Any]:
    """The fields that only `predictions.AdDecision` has, other answers do not."""
    named = {} if policy.name == DEFAULT_POLICY else {"policy": policy.name}
    identity = decision_id(event_id, policy.actions.placement)
    creatives = policy.actions.actions[decision.position].creatives
    return {
        "decision_id": identity,
        **({"creative": creative_of(identity, creatives)} if creatives else {}),
        "placement": policy.actions.placement,
        "action": decision.action,
        "propensity": decision.propensity,
        "probabilities": decision.probabilities,
        "context": msgspec.to_builtins(context),
        "policy_version": policy.version,
        **named,
        "explored": decision.explored,
        "draw": draw / ONE,
        "would_have": decision.would_have,
    }


def draw_of(event_id: str) -> int:
    """The upper 53 bits of the event id's xxh3-64 (UTF-8, seed 0): uniform, and the same on every worker."""
    return xxhash.xxh3_64_intdigest(event_id.encode()) >> 11


def draw_for(actions: ActionSet, event_id: str) -> int:
    """The draw of a placement for a click; each of several placements has one of its own."""
    return draw_of(decision_id(event_id, actions.placement) if actions.several else event_id)


def published(probability: float) -> float:
    """The purchase probability (an fp32 number) as it is published and decided from: four decimals.

    A third of what `round(probability, 4)` costs, and the same: fp32 times STEPS is exact in fp64.
    """
    return round(probability * STEPS) / STEPS


def decision_id(event_id: str, placement: str) -> str:
    """The decision's id: unique because event ids are, and derivable from the click."""
    return f"{event_id}:{placement}"


def creative_of(decision_id: str, creatives: Sequence[str]) -> str:
    """Which of an action's creatives a decision shows: each alike, by the hash of `decision_id:creative`."""
    return creatives[draw_of(f"{decision_id}:creative") * len(creatives) // ONE]


def stage_of(cart_items: int, checkouts: int, purchases: int) -> Stage:
    """How far the session has come: the furthest step that it has taken."""
    if purchases:
        return "bought"
    if checkouts:
        return "checkout"
    return "cart" if cart_items else "browsing"
