"""Reactions to live decisions: as the effects assume for what the context looks like."""

from typing import Any

import msgspec
import numpy as np
import pytest

from models.contract.decision_context import Context
from trainer.simulation.action_effects import ActionEffects
from trainer.simulation.reactions import Reactions, intent_of
from trainer.simulation.shopper_intents import INTENTS
from trainer.simulation.standard_shop import standard_actions


def context(**fields: Any) -> Context:
    known = {"purchase_probability": 0.1, "stage": "browsing", "cart_milli": 0, "event": "view_item"}
    return msgspec.convert({**known, "click": 1, "mask": 127, **fields}, Context)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "exploring"),
        ({"click": 3}, "comparing"),
        ({"cart_milli": 1}, "hesitating"),
        ({"cart_milli": 1, "purchase_probability": 0.6}, "ready_to_buy"),
    ],
)
def test_intents_of_live_contexts(fields: dict[str, Any], expected: str) -> None:
    assert INTENTS[intent_of(context(**fields))] == expected


def test_clicks_are_as_frequent_as_assumed() -> None:
    reactions, cart = Reactions(standard_actions(), ActionEffects(seen=0.5)), context(cart_milli=90_000)
    chances = np.random.default_rng(0).random((20_000, 2))
    found = [reactions.react(cart, "coupon", *pair) for pair in chances.tolist()]
    shown = sum(one.shown for one in found)
    assert shown / len(found) == pytest.approx(0.5, abs=0.015)
    clicked = sum(one.clicked for one in found) / shown
    assert clicked == pytest.approx(reactions.click(cart, "coupon"), abs=0.02)
    assert reactions.click(cart, "coupon") > 2 * reactions.click(context(), "coupon")


def test_nothing_and_unknown_actions_have_no_reactions() -> None:
    reactions = Reactions(standard_actions(), ActionEffects())
    assert reactions.click(context(), "nothing") == 0
    assert not any(reactions.react(context(), "unheard_of", 0.0, 0.0))
