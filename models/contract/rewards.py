"""What became of decisions and of recommendations, published when their attribution windows close."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from models.contract.decision_context import Context
from models.contract.events import OutcomeName
from models.contract.predictions import Probability

#: Why a record was written: its window closed, or newer ones displaced it in the visitor's state.
Ended = Literal["window", "evicted"]
Time = Annotated[int, Meta(description="Event time, epoch milliseconds.")]
_ABSENT = " Absent: 0."


class JoinedOutcome(msgspec.Struct, gc=False, omit_defaults=True):
    """One outcome: the earliest of its kind, whatever the order in which they came."""

    event: Annotated[OutcomeName, Meta(description="What the visitor did.")]
    at: Time
    value: Annotated[float, Meta(ge=0, description="`bought`: money; `rated`: stars." + _ABSENT)] = 0.0
    position: Annotated[
        int,
        Meta(ge=0, description="Of an item in the list, from 1. Absent: the list, or unknown."),
    ] = 0


class RewardParts(msgspec.Struct, gc=False, omit_defaults=True):
    """What the reward is mixed from, so that it can be mixed anew. Amounts are in the shop's currency."""

    shown: Annotated[float, Meta(description="1: it was seen." + _ABSENT)] = 0.0
    clicked: Annotated[float, Meta(description="1: it was followed." + _ABSENT)] = 0.0
    bought: Annotated[float, Meta(description="1: a purchase named it." + _ABSENT)] = 0.0
    value: Annotated[float, Meta(description="That purchase's amount." + _ABSENT)] = 0.0
    margin: Annotated[float, Meta(description="The shop's share of that amount." + _ABSENT)] = 0.0
    cost: Annotated[float, Meta(description="What the action cost the shop." + _ABSENT)] = 0.0
    rating: Annotated[float, Meta(description="Stars given." + _ABSENT)] = 0.0
    dismissed: Annotated[float, Meta(description="1: it was closed or refused." + _ABSENT)] = 0.0


class Reward(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """A decision with its outcomes: one record for each decision whose action is not `none`."""

    decision_id: Annotated[str, Meta(description="The decision, as on `ad-decisions`.")]
    visitor_id: Annotated[str, Meta(description="The visitor; equals the record's key.")]
    placement: Annotated[str, Meta(description="Where the action was shown.")]
    action: Annotated[str, Meta(description="The chosen action.")]
    creative: Annotated[str, Meta(description="Which of the action's creatives. Absent: it has none.")] = ""
    propensity: Annotated[Probability, Meta(description="Probability with which it was chosen.")]
    probabilities: Annotated[
        dict[str, Probability], Meta(description="The distribution drawn from, by action.")
    ]
    context: Annotated[Context, Meta(description="Features and mask the decision was made from.")]
    policy: Annotated[str, Meta(description="Name of the policy.")] = "rules"
    policy_version: Annotated[str, Meta(description="Digest of policy and action set.")]
    model_version: Annotated[str, Meta(description="The model that scored; empty: none was loaded.")]
    decided_at: Time
    closed_at: Time
    ended: Annotated[Ended, Meta(description="Why it was closed.")]
    outcomes: Annotated[list[JoinedOutcome], Meta(description="In the order of their times.")]
    parts: Annotated[RewardParts, Meta(description="What the reward is mixed from.")]
    reward: Annotated[float, Meta(description="The mix of the actions file's `[reward]`.")]


class RecommendationOutcome(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """A recommendation with its outcomes: one record for each that had any."""

    recommendation_id: Annotated[str, Meta(description="The `event_id` of the answer on `recommendations`.")]
    visitor_id: Annotated[str, Meta(description="The visitor; equals the record's key.")]
    model_version: Annotated[
        str, Meta(description="The model that scored; empty: none, or the list is not known any more.")
    ]
    rung: Annotated[str, Meta(description="Fallback tier that answered; empty: the list is not known.")]
    items: Annotated[int, Meta(ge=0, description="Length of the list; 0: it is not known.")]
    recommended_at: Time
    closed_at: Time
    ended: Annotated[Ended, Meta(description="Why it was closed.")]
    outcomes: Annotated[list[JoinedOutcome], Meta(description="In the order of their times.")]
