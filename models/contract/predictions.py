"""Pathcast's answers: three outputs for every click."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from models.contract.decision_context import Context
from models.contract.events import BY_ARRIVAL, CLIPPED, DROPPED, FILLED
from models.contract.explanations import DecisionExplanation, IntentExplanation, ItemsExplanation
from models.contract.head_table import HEADS, Head, Kind

#: Recommended items in one answer at most.
MOST_ITEMS = 20
#: Most classes that are published of a distribution.
MOST_CLASSES = 3
_ASKED = Meta(description="Explanation; only where the click's `explain` asked for it.")
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]


class FallbackTier(StrEnum):
    """The fallback tiers, best first; a lower one answers when those above are absent or too slow."""

    NEURAL = "neural"
    SESSION_KNN = "session_knn"
    POPULAR_IN_CATEGORY = "popular_in_category"
    POPULAR = "popular"


class InputFlags(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Fields of a click that were changed, by the kind of change. A field may be in several: dropped, filled
    from the catalogue, and clipped."""

    dropped: Annotated[list[str], Meta(description="Could not be read, and were left out.")] = []
    clipped: Annotated[
        list[str], Meta(description="Amounts beyond their limits, long text that was cut, and the like.")
    ] = []
    filled: Annotated[list[str], Meta(description="Missing in the click, taken from the catalogue.")] = []
    by_arrival: Annotated[
        list[str], Meta(description="`ts` is behind another clock's: the click counts in order of arrival.")
    ] = []

    @classmethod
    def of(cls, flags: int) -> "InputFlags":
        """Names of the fields whose bits are set in `Click.flags`."""
        kinds = (DROPPED, CLIPPED, FILLED, BY_ARRIVAL)
        dropped, clipped, filled, by_arrival = (
            [name for name, bit in bits.items() if flags & bit] for bits in kinds
        )
        return cls(dropped=dropped, clipped=clipped, filled=filled, by_arrival=by_arrival)


_FLAGS = Meta(description="Changes made to the click's fields; absent where none were made.")


class Answer(msgspec.Struct, kw_only=True, gc=False):
    """Fields of every output."""

    event_id: Annotated[str, Meta(description="The click that caused this answer.")]
    visitor_id: Annotated[str, Meta(description="The visitor; equals the record's key.")]
    ts: Annotated[int, Meta(description="Event time of the click, epoch milliseconds.")]
    model_version: Annotated[str, Meta(description="The model that scored; empty: none was loaded.")]
    catalogue_version: Annotated[str, Meta(description="Digest of the catalogue that was used.")]
    features_version: Annotated[str, Meta(description="Digest of the feature definitions.")]
    rung: Annotated[FallbackTier, Meta(description="Fallback tier that answered, `neural` to `popular`.")]
    scored_at: Annotated[int, Meta(description="When it was scored, epoch milliseconds.")]
    input_flags: Annotated[InputFlags | UnsetType, _FLAGS] = UNSET


class Intent(Answer, kw_only=True, gc=False):
    """Fields of a visitor's intent that every tier publishes."""

    purchase_probability: Annotated[Probability, Meta(description="Purchase later in this session.")]
    session_id: Annotated[str, Meta(description="Visitor id and the session's number.")]
    session_clicks: Annotated[int, Meta(ge=1, description="Clicks of the session so far, this one included.")]
    explanation: Annotated[IntentExplanation | UnsetType, _ASKED] = UNSET


#: Type of a head's field by its kind. A distribution is cut to its likeliest classes.
_SAID: dict[Kind, Any] = {
    Kind.BINARY: Probability,
    Kind.SHARED: Probability,
    Kind.CLASSES: Annotated[dict[str, Probability], Meta(max_length=MOST_CLASSES)],
    Kind.AMOUNT: Annotated[float, Meta(ge=0)],
    Kind.RATING: float,
    Kind.RISK: Probability,
}


def _field(head: Head) -> tuple[str, Any, None]:
    said = _SAID[head.kind] | None
    return head.field, Annotated[said, Meta(description=head.says)], None


if TYPE_CHECKING:
    PurchaseIntent = Intent
else:
    # The heads' fields come from their table. They are left out below the neural tier, and where a head does
    # not apply or the version does not have it.
    PurchaseIntent = msgspec.defstruct(
        "PurchaseIntent",
        list(map(_field, HEADS)),
        bases=(Intent,),
        namespace={"__doc__": "How likely the visitor is to buy, and what else its path says."},
        module=__name__,
        kw_only=True,
        gc=False,
        omit_defaults=True,
    )


class ScoredItem(msgspec.Struct, gc=False):
    """An item and its score; scores compare within one answer only."""

    item_id: Annotated[str, Meta(description="Key of the topic `items`.")]
    score: Annotated[float, Meta(description="Higher is likelier next.")]


class Recommendations(Answer, kw_only=True, gc=False):
    """The items the visitor is likeliest to look at next, best first."""

    items: Annotated[list[ScoredItem], Meta(max_length=MOST_ITEMS, description="Best first.")]
    explanation: Annotated[ItemsExplanation | UnsetType, _ASKED] = UNSET


class AdDecision(Answer, kw_only=True, gc=False):
    """What to show, how it was drawn, and all that is needed to draw it again."""

    decision_id: Annotated[str, Meta(description="event_id:placement; outcomes name it.")]
    creative: Annotated[
        str | UnsetType, Meta(description="Which of the action's creatives; absent where it has none.")
    ] = UNSET
    placement: Annotated[str, Meta(description="Where the action is shown.")]
    action: Annotated[str, Meta(description="The chosen action.")]
    propensity: Annotated[Probability, Meta(description="Probability with which it was chosen.")]
    probabilities: Annotated[
        dict[str, Probability], Meta(description="The distribution drawn from, by action.")
    ]
    policy_version: Annotated[
        str, Meta(description="Digest of policy and action set; of a learned one VERSION.DIGEST.")
    ]
    policy: Annotated[
        str | UnsetType, Meta(description="Name of the policy, or kind of a learned one; absent: `rules`.")
    ] = UNSET
    explored: Annotated[bool, Meta(description="Not the policy's preferred action.")]
    draw: Annotated[float, Meta(ge=0, lt=1, description="The uniform draw, seeded by event_id.")]
    would_have: Annotated[str | None, Meta(description="What the draw gives without constraints.")] = None
    context: Annotated[Context, Meta(description="Features and mask the decision was made from.")]
    explanation: Annotated[DecisionExplanation | UnsetType, _ASKED] = UNSET


class WinBack(msgspec.Struct, kw_only=True, gc=False):
    """An action for a lapsing visitor: one decision for each absence, however often sweeps find it.

    In its context `purchase_probability` is the probability to be lost, `cart_milli` the cart left behind.
    """

    event_id: Annotated[str, Meta(description="`lapsing:VISITOR:LAST_TS`; seeds the draw.")]
    decision_id: Annotated[str, Meta(description="event_id:placement; deliver each only once.")]
    placement: Annotated[str, Meta(description="As in the win-back file.")]
    action: Annotated[str, Meta(description="The chosen action.")]
    propensity: Annotated[Probability, Meta(description="Probability with which it was chosen.")]
    probabilities: Annotated[
        dict[str, Probability], Meta(description="The distribution drawn from, by action.")
    ]
    policy_version: Annotated[str, Meta(description="Digest of policy and action set.")]
    policy: Annotated[str | UnsetType, Meta(description="Name of the policy; absent: `rules`.")] = UNSET
    explored: Annotated[bool, Meta(description="Not the policy's preferred action.")]
    draw: Annotated[float, Meta(ge=0, lt=1, description="The uniform draw, seeded by event_id.")]
    would_have: Annotated[str | None, Meta(description="What the draw gives without constraints.")] = None
    context: Annotated[Context, Meta(description="What the decision was made from.")]


class LapsingVisitor(msgspec.Struct, kw_only=True, gc=False):
    """A visitor who has stayed away and is likely lost, as a sweep of the state found at `as_of`.

    A later sweep's record of the visitor replaces this one; a click of the visitor makes it obsolete.
    """

    visitor_id: Annotated[str, Meta(description="The visitor; equals the record's key.")]
    lost_probability: Annotated[Probability, Meta(description="No visit within `within_days` of `as_of`.")]
    within_days: Annotated[float, Meta(gt=0, description="Days that the probability speaks of.")]
    last_ts: Annotated[int, Meta(description="The visitor's last click, epoch milliseconds.")]
    sessions: Annotated[int, Meta(ge=1, description="Sessions so far.")]
    orders: Annotated[int, Meta(ge=0, description="Orders so far.")]
    value: Annotated[float, Meta(ge=0, description="Money spent so far.")]
    model_version: Annotated[str, Meta(description="Digest of the model's parameters.")]
    reason: Annotated[str, Meta(description="What the record says, for people.")]
    as_of: Annotated[int, Meta(description="Event time of the sweep, epoch milliseconds.")]
    win_back: Annotated[WinBack | UnsetType, Meta(description="Only where a win-back file was named.")] = (
        UNSET
    )


#: JSON bytes of an answer; one encoder for all, because making one costs more than encoding.
encode = msgspec.json.Encoder().encode


def scored(item_ids: Iterable[str], scores: Iterable[float]) -> list[ScoredItem]:
    """Items with their scores, in the order given."""
    return list(map(ScoredItem, item_ids, scores))
