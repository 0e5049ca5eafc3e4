"""The reward of a decision: a configured mix of what came of it, in the shop's currency."""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from models.contract.rewards import JoinedOutcome, RewardParts

Weight = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
#: By which outcome an action's cost is spent; `served`: always.
CostWhen = Literal["served", "shown", "clicked", "bought", "rated", "dismissed"]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class RewardMix(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The table `[reward]` of the actions file: the weight of each part.

    `margin_share` is the part of a purchase's amount that remains to the shop. `cost_when` is the outcome by
    which an action costs its `cost`; `served`: it always does.
    """

    shown: Weight = 0.0
    click: Weight = 0.0
    purchase: Weight = 0.0
    value: Weight = 0.0
    margin: Weight = 1.0
    cost: Weight = 1.0
    rating: Weight = 0.0
    dismissed: Weight = 0.0
    margin_share: Share = 0.3
    cost_when: CostWhen = "bought"

    def parts(self, outcomes: Iterable[JoinedOutcome], cost: float) -> RewardParts:
        """What came of a decision whose action costs `cost` when it is used."""
        found: dict[str, float] = {one.event: one.value for one in outcomes}
        spent = self.cost_when == "served" or self.cost_when in found
        value = found.get("bought", 0.0)
        parts = {
            "shown": float("shown" in found),
            "clicked": float("clicked" in found),
            "bought": float("bought" in found),
            "value": value,
            "margin": self.margin_share * value,
            "cost": cost if spent else 0.0,
            "rating": found.get("rated", 0.0),
            "dismissed": float("dismissed" in found),
        }
        return RewardParts(**{name: part for name, part in parts.items() if part})

    def reward(self, parts: RewardParts) -> float:
        """The weighted sum; what the action costs is taken off."""
        return (
            self.shown * parts.shown
            + self.click * parts.clicked
            + self.purchase * parts.bought
            + self.value * parts.value
            + self.margin * parts.margin
            + self.rating * parts.rating
            + self.dismissed * parts.dismissed
            - self.cost * parts.cost
        )
