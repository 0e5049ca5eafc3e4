"""A policy that is known by state, judged on simulated logs: for tests of estimators, with values known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.simulation import session_states as at
from trainer.simulation.shop import Shop
from trainer.simulation.step_model import Floats


@dataclass(frozen=True)
class StatePolicy:
    """Implements `EvaluatedPolicy` by its probabilities in each state of a shop, `shares` [STATES, k]."""

    name: str
    shop: Shop
    shares: Floats

    def probabilities(self, logged: LoggedDecisions) -> Floats:
        """Its distribution for each logged context, which says in which state the shopper was."""
        return self.shares[states_of(self.shop, logged.context)]


def states_of(shop: Shop, context: pl.DataFrame) -> at.Ints:
    """The states that contexts (`state_context`) describe; none is described by two of them."""
    price = _codes(context["price"], at.PRICES)
    carts = np.rint(context["cart_value"].to_numpy() / np.array(shop.shoppers.value)[price])
    numbers = (context[name].to_numpy().astype(np.int64) for name in ("click", "served", "offered"))
    click, served, offered = numbers
    return at.Attributes(
        _codes(context["event"], at.EVENTS),
        carts.astype(np.int64),
        click - 1,
        _codes(context["dwell"], at.DWELLS),
        _codes(context["segment"], at.SEGMENTS),
        price,
        served,
        offered,
    ).states()


def _codes(words: pl.Series, known: Sequence[str]) -> at.Ints:
    codes = words.replace_strict(list(known), range(len(known)), return_dtype=pl.Int64)
    return np.asarray(codes.to_numpy(), dtype=np.int64)
