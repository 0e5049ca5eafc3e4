"""Quantiles, cover and reorder hints, by arithmetic done by hand."""

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from models.forecasting.stock import DemandSpread, Supply, quantiles, stock_hints

#: A shape this large is a Poisson distribution.
POISSON = DemandSpread(12.0, 0.0)


def test_quantiles_are_the_negative_binomials() -> None:
    spread = DemandSpread(0.3, 0.2)
    means = np.exp(np.array([[-2.0, 0.0], [1.0, 4.0]]))
    found = quantiles(means, spread, (0.1, 0.5, 0.9))
    assert found.shape == (2, 2, 3)
    shape = spread.shape(means)
    for place, share in enumerate((0.1, 0.5, 0.9)):
        np.testing.assert_array_equal(found[..., place], nbinom.ppf(share, shape, shape / (shape + means)))


def test_quantiles_do_not_cross_and_are_never_negative() -> None:
    random = np.random.default_rng(0)
    for level, slope in random.normal(0, 2, (20, 2)):
        found = quantiles(random.gamma(0.3, 10, 300), DemandSpread(level, slope))
        assert (np.diff(found, axis=-1) >= 0).all()
        assert (found >= 0).all()


def test_independent_periods_add_up() -> None:
    spread, random = DemandSpread(np.log(0.5), 0.0), np.random.default_rng(0)
    drawn = random.negative_binomial(0.5, 0.5 / 4.5, (200_000, 3)).sum(1)
    found = quantiles(np.array([4.0]), spread, (0.5, 0.95), 3.0)[0]
    np.testing.assert_allclose(found, np.quantile(drawn, (0.5, 0.95)), atol=1)


def test_cover_is_stock_over_demand() -> None:
    found = stock_hints(
        np.array([70.0, 0.0, 5.0, np.nan]), np.array([14.0, 14.0, 0.0, 14.0]), POISSON, Supply()
    )
    np.testing.assert_allclose(found.cover[:3], [35.0, 0.0, np.inf])
    assert np.isnan(found.cover[3])
    assert np.isnan(found.order[3])
    np.testing.assert_allclose(found.cautious_cover[0], 70 / (poisson.ppf(0.9, 14) / 7))
    assert found.cautious_cover[0] < found.cover[0]


def test_the_hint_orders_up_to_the_point_and_a_review_periods_demand() -> None:
    supply = Supply(lead_days=7, review_days=7, service=0.95)
    point = poisson.ppf(0.95, 28)
    found = stock_hints(np.array([point + 1, point, 0.0]), np.full(3, 14.0), POISSON, supply)
    np.testing.assert_allclose(found.point, point, atol=1)
    assert found.order[0] == 0 or found.point[0] > point
    np.testing.assert_allclose(found.order[2], found.point[2] + 14)
    assert found.order[1] == pytest.approx(found.point[1] + 14 - point)


def test_more_service_and_longer_lead_need_more_stock() -> None:
    weekly, spread = np.array([6.0]), DemandSpread(0.0, 0.3)
    points = [
        stock_hints(np.array([0.0]), weekly, spread, supply).point[0]
        for supply in (Supply(3, 4, 0.8), Supply(3, 4, 0.95), Supply(14, 4, 0.95))
    ]
    assert points == sorted(points)
    assert points[0] < points[1] < points[2]
