"""Trees beside the network: the same answers however clicks are chunked; what does not fit is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import torch

from models.features.features import COLUMNS
from models.features.tree_columns import BACK, KINDS, STEP, ColumnTable
from models.registry import registry
from models.scoring.forest import Forest
from models.scoring.scorer import NeuralScorer
from tests.scoring import SHIPPED, network, parts, real_clicks, serve, vocabulary
from trainer.baselines import trees
from trainer.baselines.baseline_kinds import State
from trainer.examples.split import split
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

CLICKS = real_clicks(3_000)
WORDS = vocabulary(CLICKS)


@pytest.fixture(scope="module")
def state() -> State:
    learned, judged = split(replay_log(read_log([SHIPPED]).head(20_000)).examples(), (0.8, 0.2))
    return trees.learn(learned.grouped(), judged.grouped()) | {"weights": [0.6, 0.4]}


@pytest.fixture(scope="module")
def scorers(state: State) -> tuple[NeuralScorer, NeuralScorer]:
    """Without and with trees."""
    return (
        NeuralScorer(network(WORDS), WORDS, "alone", 7),
        NeuralScorer(network(WORDS), WORDS, "stacked", 7, forest=Forest(state)),
    )


def served(scorer: NeuralScorer, chunk: int) -> np.ndarray:
    """Purchase probabilities in the order of the clicks."""
    return np.concatenate([scores.purchase for scores in serve(CLICKS, [scorer], chunk, {})])


def test_trees_change_the_answers_and_chunks_do_not(scorers: tuple[NeuralScorer, NeuralScorer]) -> None:
    alone, stacked = scorers
    found = served(stacked, 1000)
    assert np.abs(found - served(alone, 1000)).max() > 0.01
    for chunk in (1, 37):
        np.testing.assert_array_equal(served(stacked, chunk), found)


def test_the_past_of_a_click_is_that_of_its_session() -> None:
    examples = replay_log(read_log([SHIPPED]).head(2_000)).examples().grouped()
    table = ColumnTable({name: {} for name in KINDS})
    found = table.before(examples.batch()).reshape(len(examples), BACK, 2)
    for at in (0, 1, 2, 3, 700, 1_500):
        for back in range(1, BACK + 1):
            before = at - back
            inside = before >= 0 and examples.session[before] == examples.session[at]
            expected = [examples.codes[name][before] if inside else -1 for name in ("event", "dwell")]
            assert found[at, back - 1].tolist() == expected


def test_steps_are_counted_over_the_last_fifty_clicks_of_the_session() -> None:
    examples = replay_log(read_log([SHIPPED]).head(20_000)).examples().grouped()
    table = ColumnTable.learn(examples.codes, examples.features)
    known = table.ranks[STEP]
    found = table.before(examples.batch())[:, 2 * BACK :].reshape(len(examples), 2, len(known))
    assert len(table.names) == len(set(table.names)) == table.width
    longest = int(np.argmax(examples.position))
    assert examples.position[longest] > 50
    for at in (0, 700, 1_500, longest):
        first = at - min(int(examples.position[at]), 50) + 1
        events = examples.codes["event"][first : at + 1].tolist()
        for name, number in known.items():
            assert found[at, 0, number] == events.count(int(name))
            ago = events[::-1].index(int(name)) if int(name) in events else 50
            assert found[at, 1, number] == ago


def test_a_probe_of_a_click_answers_as_scoring_does(scorers: tuple[NeuralScorer, NeuralScorer]) -> None:
    stacked = scorers[1]
    batch = replay_log(read_log([SHIPPED]).head(300)).examples().grouped().batch()
    groups = list(COLUMNS.values())
    probed = stacked.probe(batch, np.array([0]), groups)
    np.testing.assert_allclose(probed.chances, stacked.score(batch).purchase, atol=1e-6)
    assert len(probed.blanked) == len(groups)
    assert np.abs(probed.blanked - probed.chances[0]).max() > 0


def test_a_version_keeps_its_trees(state: State, tmp_path: Path) -> None:
    made = parts(WORDS)
    kept = registry.load(tmp_path / registry.save(tmp_path, replace(made, forest=Forest(state)), 1))
    batch = replay_log(read_log([SHIPPED]).head(300)).examples().grouped().batch()
    alone = registry.load(tmp_path / registry.save(tmp_path, made, 1)).neural.score(batch).purchase
    assert np.abs(kept.neural.score(batch).purchase - alone).max() > 0.001


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weights": [0.6, 0.0]}, "above 0"),
        ({"weights": [float("nan"), 0.4]}, "above 0"),
        ({"trees": "tree"}, "LightGBM cannot have written"),
        ({"ranks": {"item": {}}}, "expected [0-9]+"),
    ],
)
def test_what_does_not_fit_is_refused(state: State, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Forest(state | change)


def test_trees_answer_alone_with_a_weight_of_0_for_the_network(state: State) -> None:
    scorer = NeuralScorer(network(WORDS), WORDS, "trees", 7, forest=Forest(state | {"weights": [0.0, 1.0]}))
    batch = replay_log(read_log([SHIPPED]).head(300)).examples().grouped().batch()
    logits = torch.from_numpy(scorer.forest.of(batch).astype(np.float32))
    expected = network(WORDS).calibrated(logits, torch.from_numpy(batch.position))
    np.testing.assert_allclose(scorer.score(batch).purchase, expected.numpy(), atol=1e-6)
    probed = scorer.probe(batch, np.array([0]), list(COLUMNS.values()))
    np.testing.assert_allclose(probed.chances, scorer.score(batch).purchase, atol=1e-6)
    assert np.abs(probed.blanked - probed.chances[0]).max() > 0


def test_bags_are_averaged(state: State) -> None:
    other = lightgbm.Booster(model_str=state["trees"])
    other.shuffle_models()
    other.set_leaf_output(0, 0, 1.5)
    bags = Forest(state | {"trees": [state["trees"], other.model_to_string()]})
    batch = replay_log(read_log([SHIPPED]).head(300)).examples().grouped().batch()
    columns = bags.table(batch)
    alone = [Forest(state | {"trees": text}).logits(columns) for text in bags.state["trees"]]
    assert np.abs(alone[0] - alone[1]).max() > 0
    np.testing.assert_allclose(bags.logits(columns), np.mean(alone, axis=0), atol=1e-12)
    with pytest.raises(ValueError, match="columns"):
        Forest(state | {"trees": []})


def test_the_logits_are_a_weighted_sum(state: State) -> None:
    batch = replay_log(read_log([SHIPPED]).head(300)).examples().grouped().batch()
    forest, zeros = Forest(state), torch.zeros(300)
    trees_alone = forest.stacked(zeros, batch)
    torch.testing.assert_close(forest.stacked(zeros + 2, batch), trees_alone + 1.2)
