"""What trees have to say: the weights that the labels were drawn by, and no trees where they do not pay."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.scoring import SHIPPED
from tests.training import SMALL, Small, small
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.training import stacking


def test_it_finds_the_weights_that_the_labels_were_drawn_by() -> None:
    rng = np.random.default_rng(0)
    own, said = rng.normal(-2, 1.5, (2, 40_000)).astype(np.float32)
    bought = rng.random(40_000) < 1 / (1 + np.exp(-(0.9 * own + 0.3 * said + 0.2)))
    assert stacking.weighed(own, said, bought) == pytest.approx([0.9, 0.3], abs=0.06)


@pytest.fixture(scope="module")
def parts() -> list[Examples]:
    return split(replay_log(read_log([SHIPPED]).head(15_000)).examples(), (0.7, 0.3))


def test_an_untrained_network_needs_trees(parts: list[Examples]) -> None:
    run: Small = small()
    network = run.network()
    before = network.calibration.clone()
    forest = stacking.learn(network, run.words, *parts, SMALL)
    assert forest is not None
    assert forest.trees > 0
    assert not torch.equal(network.calibration, before)


def test_trees_that_save_too_little_are_left_out(
    parts: list[Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small()
    network = run.network()
    before = network.calibration.clone()
    monkeypatch.setattr(stacking, "WORTH", 0.999)
    assert stacking.learn(network, run.words, *parts, SMALL) is None
    assert torch.equal(network.calibration, before)


def test_of_clicks_without_a_purchase_nothing_is_learned(parts: list[Examples]) -> None:
    run = small()
    nobody = replace(parts[0], buys=np.zeros(len(parts[0]), dtype=bool))
    assert stacking.learn(run.network(), run.words, nobody, parts[1], SMALL) is None
