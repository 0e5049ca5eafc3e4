"""The choice between network, trees and both, on labels that were drawn by known weights."""

import numpy as np
import pytest

from trainer.fitting import stack_choice
from trainer.fitting.stack_choice import JudgedLogits


def drawn(weights: tuple[float, float], parts: int = 2, clicks: int = 40_000) -> JudgedLogits:
    rng = np.random.default_rng(0)
    network, trees = rng.normal(-1, 1.5, (2, clicks)).astype(np.float32)
    part = np.arange(clicks) * parts // clicks
    chance = 1 / (1 + np.exp(-(weights[0] * network + weights[1] * trees + 0.2 - 0.5 * part)))
    return JudgedLogits(network, trees, rng.random(clicks) < chance, np.arange(clicks) // 10, part)


def test_it_finds_the_weights_that_the_labels_were_drawn_by() -> None:
    assert stack_choice.weighed(drawn((0.9, 0.3))) == pytest.approx((0.9, 0.3), abs=0.06)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(
    ("weights", "serves"), [((0.7, 0.5), "both"), ((0.0, 0.8), "trees"), ((0.8, 0.0), "network")]
)
def test_what_serves_is_what_the_labels_were_drawn_by(
    weights: tuple[float, float], serves: str, parts: int
) -> None:
    trial = stack_choice.judged(drawn(weights, parts))
    assert trial.serves == serves
    assert trial.parts == parts
    assert trial.told()["serves"] == serves
    if serves != "both":
        assert 0.0 in trial.served_weights


def test_a_gain_within_noise_keeps_neither_stack() -> None:
    trial = stack_choice.judged(drawn((0.8, 0.02), clicks=4_000))
    assert trial.saves_network[1] < 0 < trial.saves_network[2]
    assert trial.serves == "network"


def test_a_loss_is_that_at_the_best_scale_and_shift() -> None:
    clicks = drawn((0.8, 0.0))
    scaled = clicks._replace(network=(3 * clicks.network - 7).astype(np.float32))
    one, two = stack_choice.judged(clicks), stack_choice.judged(scaled)
    assert two.network == pytest.approx(one.network, abs=1e-4)
