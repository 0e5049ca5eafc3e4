"""Who answers purchase intent: both where both are better than either, trees where they are better alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.scoring import SHIPPED
from tests.training import SMALL, small
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.fitting import stack_choice
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.training import earlier_origins, stacking
from trainer.training.learn import Learned
from trainer.training.training_inputs import TrainingInputs


def silent(progress: object) -> None:
    pass


@pytest.fixture(scope="module")
def parts() -> list[Examples]:
    return split(replay_log(read_log([SHIPPED]).head(10_000)).examples(), (0.85, 0.15))


@pytest.fixture
def untrained() -> Learned:
    run = small()
    return Learned(run.network(), run.words, run.weights, {}, (2,), 1.0)


def inputs(parts: list[Examples]) -> TrainingInputs:
    return TrainingInputs(*parts, replace(SMALL, epochs=1), silent)


def test_trees_serve_alone_beside_an_untrained_network(parts: list[Examples], untrained: Learned) -> None:
    before = untrained.network.calibration.clone()
    forest, metrics = stacking.learn(untrained, inputs(parts))
    assert forest is not None
    assert metrics[stacking.STACKING]["parts"] == 1
    assert metrics[stacking.STACKING]["trees"] < metrics[stacking.STACKING]["network"]
    assert forest.trees > 0
    assert not torch.equal(untrained.network.calibration, before)


def test_earlier_parts_are_judged_where_time_is_left(parts: list[Examples], untrained: Learned) -> None:
    _, metrics = stacking.learn(untrained, inputs(parts), seconds=100.0)
    judged = metrics[stacking.STACKING]
    assert judged["parts"] == 1 + earlier_origins.EARLIER
    assert judged["clicks"] > 2 * int(parts[1].judged.sum())


def test_an_earlier_part_comes_after_what_is_learned_for_it(parts: list[Examples]) -> None:
    found = list(earlier_origins.origins(parts[0], len(parts[1])))
    assert len(found) == earlier_origins.EARLIER
    for older, part in found:
        assert older.began.max() <= part.began.min()
        assert len(part) == pytest.approx(len(parts[1]), rel=0.1)
    assert found[1][1].began.max() <= found[0][1].began.min()


def test_no_earlier_part_where_too_little_comes_before(parts: list[Examples]) -> None:
    assert not list(earlier_origins.origins(parts[1], len(parts[0])))


def test_trees_that_save_too_little_are_left_out(
    parts: list[Examples], untrained: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = untrained.network.calibration.clone()
    monkeypatch.setattr(stack_choice, "WORTH", 0.999)
    monkeypatch.setattr(stack_choice, "PULL", 1e9)
    monkeypatch.setattr(stack_choice.StackTrial, "weights", (0.0, 1.0))
    forest, metrics = stacking.learn(untrained, inputs(parts))
    assert forest is None
    assert metrics[stacking.STACKING]["serves"] == "network"
    assert torch.equal(untrained.network.calibration, before)


def test_of_clicks_without_a_purchase_nothing_is_learned(parts: list[Examples], untrained: Learned) -> None:
    nobody = replace(parts[0], buys=np.zeros(len(parts[0]), dtype=bool))
    assert stacking.learn(untrained, inputs([nobody, parts[1]])) == (None, {})
