"""Demand on made data, where the answer is known."""

import numpy as np
import pytest

from models.forecasting.demand_model import HORIZONS, Panel, calendar, expected

MONDAY = 1_704_067_200_000  # 2024-01-01
DAY = 86_400_000


def panel(counts, category=None, known=None) -> Panel:
    counts = np.asarray(counts, dtype=np.float32)
    items = len(counts)
    category = np.zeros(items, np.int64) if category is None else np.asarray(category)
    known = np.zeros(items, np.int64) if known is None else np.asarray(known)
    names = [str(number) for number in range(int(category.max()) + 1)]
    return Panel([f"i{n}" for n in range(items)], names, category, known, counts, MONDAY)


def test_steady_demand_is_expected_to_stay() -> None:
    made = panel(np.full((3, 28), 4.0))
    for name, total in (("daily", 4.0), ("weekly", 28.0)):
        found = expected(made, 28, HORIZONS[name])
        assert found.shape == (3, HORIZONS[name].steps)
        np.testing.assert_allclose(found, total, rtol=1e-6)


def test_a_weekly_pattern_is_expected_to_come_again() -> None:
    week = np.array([1, 1, 1, 1, 6, 9, 2], dtype=float)
    found = expected(panel([np.tile(week, 6), np.tile(2 * week, 6)]), 42, HORIZONS["daily"])
    assert np.corrcoef(found[0], week)[0, 1] > 0.999
    assert np.abs(found[0] - week).sum() < np.abs(week.mean() - week).sum() / 3
    later = expected(panel([np.tile(week, 6), np.tile(2 * week, 6)]), 40, HORIZONS["daily"])
    assert later[0].argmax() == found[0].argmax() + 2 - 7 * (found[0].argmax() + 2 > 6)


def test_hours_are_told_apart() -> None:
    day = np.zeros(24)
    day[20] = 12.0
    found = expected(panel([np.tile(day, 21)]), 21 * 24, HORIZONS["hourly"])[0]
    assert found.argmax() == 20
    assert found[20] > 5 * np.delete(found, 20).max()
    factors = calendar(panel([np.tile(day, 21)]), 21 * 24, HORIZONS["hourly"])
    assert np.allclose(factors.weekday, 1)


def test_an_item_without_sales_is_drawn_to_its_category() -> None:
    counts = np.zeros((4, 28))
    counts[0], counts[2] = 8.0, 0.1
    rich, poor = expected(panel(counts, [0, 0, 1, 1]), 28, HORIZONS["weekly"])[[1, 3], 0]
    assert rich > poor > 0


def test_nothing_of_the_future_is_read() -> None:
    random = np.random.default_rng(0)
    counts = random.poisson(1.0, (5, 40)).astype(float)
    other = counts.copy()
    other[:, 30:] = 99
    for horizon in (HORIZONS["daily"], HORIZONS["weekly"]):
        np.testing.assert_array_equal(
            expected(panel(counts), 30, horizon), expected(panel(other), 30, horizon)
        )


@pytest.mark.parametrize("name", HORIZONS)
def test_a_shop_that_sold_nothing_expects_nearly_nothing(name: str) -> None:
    cells = 28 * HORIZONS[name].per_day
    found = expected(panel(np.zeros((2, cells))), cells, HORIZONS[name])
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert found.sum() < 1e-3
