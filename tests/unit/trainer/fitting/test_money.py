"""Expected amounts are money: their sum is what is paid, whatever the largest order was."""

import numpy as np
import pytest

from trainer.fitting.calibrate import money


def orders(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What a head may say of each (a log mean that is too bold and too high), and what was paid."""
    random = np.random.default_rng(seed)
    known = random.normal(4, 0.8, count)
    paid = np.exp(known + random.normal(-0.5, 1, count))
    return (1.5 * (known - 4) + 6).astype(np.float32), paid.astype(np.float32)


def test_sums_agree_on_clicks_that_come_later() -> None:
    (logs, paid), (_, learned), (later, spent) = (orders(20_000, seed) for seed in range(3))
    scale, shift = money(logs, paid, learned)
    # Less than 1 / 1.5: amounts that count in part only are those expected to be large.
    assert 0.55 < scale < 1 / 1.5
    said = np.exp(scale * later + shift)
    assert said.sum() == pytest.approx(spent.sum(), rel=0.05)
    # Calibrated where much is expected as well, not in the sum alone.
    high = said > np.quantile(said, 0.8)
    assert said[high].sum() == pytest.approx(spent[high].sum(), rel=0.1)


def test_one_large_order_does_not_set_the_level() -> None:
    (logs, paid), (_, learned) = (orders(2_000, seed) for seed in range(2))
    usual = money(logs, paid, learned)
    paid[:60] = 50_000
    assert paid.mean() > 10 * np.exp(usual[0] * logs + usual[1]).mean()
    odd = money(logs, paid, learned)
    ratio = np.exp(odd[0] * logs + odd[1]).sum() / np.exp(usual[0] * logs + usual[1]).sum()
    assert 1 <= ratio < 1.5


def test_without_money_the_line_stays() -> None:
    logs, nothing = np.zeros(5, np.float32), np.zeros(5, np.float32)
    assert money(logs, nothing, nothing) == (1, 0)
    assert money(logs, np.full(5, np.nan, np.float32), nothing) == (1, 0)


def test_a_few_orders_keep_the_order_of_amounts() -> None:
    logs, paid = np.array([1, 5], np.float32), np.array([80, 20], np.float32)
    scale, shift = money(logs, paid, paid)
    assert scale > 0
    assert np.exp(scale * logs + shift).sum() == pytest.approx(100, rel=0.1)
