"""Explanations of answers, as data and as a sentence, for clicks that ask for them.

Effects are differences to the answer as it would be without a click or a feature. They overlap (a click also
changes features) and need not add up.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

#: Most clicks, and most features, that an explanation names.
MOST_EFFECTS = 10

_Effect = Annotated[float, Meta(description="Published probability minus the one without.")]
_Odds = Annotated[float, Meta(description="The same on the scale of log odds.")]


class ClickEffect(msgspec.Struct, gc=False):
    """The effect of one click: the answer minus the answer without that click."""

    click: Annotated[int, Meta(ge=1, description="Which click of the session, from 1.")]
    event: Annotated[str, Meta(description="What the visitor did.")]
    item_id: Annotated[str | None, Meta(description="The item, where the model knows it.")]
    probability: _Effect
    log_odds: _Odds


class FeatureEffect(msgspec.Struct, gc=False):
    """The effect of one feature: the answer minus the answer at the feature's training mean."""

    feature: Annotated[str, Meta(description="Name of the feature.")]
    probability: _Effect
    log_odds: _Odds


class IntentExplanation(msgspec.Struct, gc=False):
    """The clicks and features that moved a purchase probability, the strongest first."""

    text: Annotated[str, Meta(description="The strongest effects as a sentence.")]
    probability: Annotated[float, Meta(ge=0, le=1, description="The probability explained.")]
    covered: Annotated[int, Meta(ge=0, description="The session's last clicks that were examined.")]
    clicks: Annotated[list[ClickEffect], Meta(max_length=MOST_EFFECTS, description="Strongest first.")]
    features: Annotated[list[FeatureEffect], Meta(max_length=MOST_EFFECTS, description="Strongest first.")]


class ItemReason(msgspec.Struct, gc=False):
    """The click without which a recommended item's score would fall the most."""

    item_id: Annotated[str, Meta(description="The recommended item.")]
    text: Annotated[str, Meta(description="`because you viewed ...`; empty where no click raised it.")]
    click: Annotated[int | None, Meta(description="Which click of the session, from 1.")] = None
    because: Annotated[str | None, Meta(description="That click's item, where the model knows it.")] = None
    score: Annotated[float, Meta(description="Score minus the score without that click.")] = 0.0


class ItemsExplanation(msgspec.Struct, gc=False):
    """Why each recommended item is among them, best first."""

    text: Annotated[str, Meta(description="The first item's reason, or who answered in general.")]
    covered: Annotated[int, Meta(ge=0, description="The session's last clicks that were examined.")]
    items: Annotated[list[ItemReason], Meta(description="A reason for each, best item first.")]


class DecisionExplanation(msgspec.Struct, gc=False):
    """Why an action was chosen: its rule, exploration, or a constraint; and what would change it."""

    text: Annotated[str, Meta(description="All of it as a sentence.")]
    cause: Annotated[
        str, Meta(description="`rule`, `no rule` (nothing else fits), `exploration` or `constraint`.")
    ]
    preferred: Annotated[str, Meta(description="What the rules chose among what was allowed.")]
    conditions: Annotated[list[str], Meta(description="Conditions of its rule, all met.")]
    masked: Annotated[list[str], Meta(description="Actions that were not allowed.")]
    lost: Annotated[dict[str, str], Meta(description="Heavier actions, and what each of them failed.")]
    low: Annotated[float, Meta(description="The rules prefer the same from this probability on ...")]
    high: Annotated[float, Meta(description="... to below this one (1: to the end).")]
    withheld: Annotated[
        dict[str, str],
        Meta(description="Why each action in `masked` was not allowed: `consent`, `risk` or `cap`."),
    ] = {}
