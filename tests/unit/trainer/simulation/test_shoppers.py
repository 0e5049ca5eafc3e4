"""Shoppers fitted on a log: the same states as the log's own, and a better guess than frequencies alone."""

import numpy as np
import polars as pl
import pytest

from trainer.simulation.log_steps import SimulationError, steps_of
from trainer.simulation.realism import resemblance
from trainer.simulation.session_states import LEAVE, STATES, Attributes, attributes, following
from trainer.simulation.shop import Shop


def test_numbers_and_attributes_of_states_agree() -> None:
    states = np.arange(STATES)
    assert (attributes(states).states() == states).all()


def test_the_logs_own_clicks_follow_each_other_as_simulated_ones_do(log: pl.DataFrame) -> None:
    steps = steps_of(log)
    stays = np.flatnonzero(steps.event != LEAVE)
    now, then = (Attributes(*(digit[rows] for digit in steps.now)) for rows in (stays, stays + 1))
    zeros = np.zeros_like(stays)
    expected = following(now, steps.event[stays], steps.dwell[stays], zeros, zeros)
    assert len(stays) > 60_000
    assert (expected.states() == then.states()).all()


def test_carts_count_from_the_last_purchase_of_a_session() -> None:
    events = ["view_item", "add_to_cart", "add_to_cart", "add_to_cart", "purchase", "add_to_cart"]
    one = pl.DataFrame({"event": events, "ts": [60_000 * at for at in range(6)], "price": [5.0] * 6})
    log = pl.concat([one.with_columns(visitor_id=pl.lit(f"v{at:03}")) for at in range(100)])
    steps = steps_of(log)
    assert steps.now.carts[:6].tolist() == [0, 1, 2, 2, 0, 1]
    assert steps.event[:6].tolist() == [1, 1, 1, 2, 1, LEAVE]
    assert steps.dwell[:6].tolist() == [1, 1, 1, 1, 1, 0]


def test_chances_are_probabilities_and_none_is_impossible(shop: Shop) -> None:
    for chances in (shop.shoppers.events, shop.shoppers.dwells, shop.outcomes.events):
        assert np.allclose(chances.sum(axis=-1), 1)
        assert chances.min() > 0


def test_shoppers_resemble_later_visitors_of_the_log(shop: Shop, log: pl.DataFrame) -> None:
    found = resemblance(shop, log)
    assert found.log_loss < 0.85 * found.frequencies_log_loss
    assert found.simulated["clicks"] == pytest.approx(found.log["clicks"], rel=0.1)
    assert found.simulated["carts"] == pytest.approx(found.log["carts"], rel=0.25)


def test_a_log_that_is_too_short_is_refused(log: pl.DataFrame) -> None:
    with pytest.raises(SimulationError, match=r"has 0 sessions .* at least 100: give a longer log"):
        steps_of(log.head(0))
