"""Heads beside baselines over periods: pooled figures, intervals, and the money that was foreseen."""

from collections.abc import Callable

import numpy as np
import pytest

from models.contract.head_table import HeadPart, Layout
from tests.scoring import SHIPPED
from trainer.experiments import heads_weeks
from trainer.experiments.heads_weeks import SERVED, HeadWeek, pooled
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options

CHURN: HeadPart = Layout.of([("churn", ())])["churn"]
VALUE: HeadPart = Layout.of([("session_value", ())])["session_value"]
Said = Callable[[np.ndarray, np.ndarray], np.ndarray]


def week(seed: int, served: float, baseline: float, count: int = 4_000, part: HeadPart = CHURN) -> HeadWeek:
    """A period in which served answers and a baseline follow the truth with so much weight."""
    random = np.random.default_rng(seed)
    truth, noise, other = random.normal(size=(3, count))
    label = (truth + random.normal(size=count) > 0).astype(np.float32)
    said = {
        SERVED: served * truth + noise,
        "lightgbm": baseline * truth + other,
        "base_rate": np.zeros(count),
    }
    return HeadWeek(part, label, said, np.arange(count) % 20, seed % 2 == 0)


def test_who_is_ahead_beyond_noise() -> None:
    found = pooled([[week(seed, 2.0, 1.0)] for seed in range(3)])["churn"]
    assert found["by"] == "lightgbm"
    assert found["value"] > found["baseline"] > found["baselines"]["base_rate"] == 0.5
    assert found["interval"][0] > 0
    assert found["ahead"] == pytest.approx(found["value"] - found["baseline"])
    assert (found["n"], found["periods"], found["trees"]) == (12_000, 3, 2)


def test_equals_are_not_ahead() -> None:
    found = pooled([[week(seed, 1.0, 1.0)] for seed in range(3)])["churn"]
    assert found["interval"][0] < 0 < found["interval"][1]


def test_a_period_weighs_by_its_clicks_and_is_never_ranked_with_another() -> None:
    long, short = week(0, 2.0, 1.0), week(1, 0.5, 1.0, 1_000)
    shifted = {name: said + 100 for name, said in short.said.items()}
    found = pooled([[long], [short._replace(said=shifted)]])["churn"]
    alone = [pooled([[one]])["churn"]["value"] for one in (long, short)]
    assert found["value"] == pytest.approx((4 * alone[0] + alone[1]) / 5)


def test_money_foreseen_beside_money_paid() -> None:
    label = np.array([0, 0, 30, 10], np.float32).repeat(100)
    said = {SERVED: label + 5, "mean": np.full(400, 10.0)}
    one = HeadWeek(VALUE, label, said, np.arange(400) % 20, False)
    found = pooled([[one], [one]])["session_value"]
    assert found["expected / paid"] == pytest.approx(1.5)
    assert found["by period"] == pytest.approx([1.5, 1.5])


def test_all_heads_of_a_small_log() -> None:
    examples = replay_log(read_log([SHIPPED]).head(6_000)).examples()
    options = Options(epochs=1, seconds=1e9, embedding=8, hidden=8, refit=False, blend="none", candidates=64)
    found = pooled(list(heads_weeks.weeks(examples, 2, options, lambda progress: None)))
    assert {"next_event", "intent_state", "interest_price", "session_value"} <= found.keys()
    assert "session_risk" not in found
    for one in found.values():
        assert np.isfinite([one["value"], one["baseline"], *one["interval"]]).all()
        assert 1 <= one["periods"] <= 2
