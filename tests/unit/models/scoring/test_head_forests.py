"""Trees of further heads: LightGBM's own answers, blended as the weights say, the same in any chunk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from models.contract.head_table import Layout
from models.features.tree_columns import ColumnTable
from models.network.network import Config, Network
from models.registry import registry
from models.scoring.head_answers import ByRows, ByTensors
from models.scoring.head_forests import HeadForests
from models.scoring.scorer import NeuralScorer
from tests.scoring import SHIPPED, network, parts, real_clicks, serve, vocabulary
from tests.tiny import ALL_HEADS
from trainer.examples.examples import Examples
from trainer.fitting.head_forest import HeadLessons, sampled
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.targets import HeadPlan

CLICKS = real_clicks(2_000)
WORDS = vocabulary(CLICKS)
LAYOUT = Layout.of(ALL_HEADS)
HEADS = ["churn", "next_event"]
WEIGHTS = {"churn": [0.3, 0.7], "next_event": [0.6, 0.5]}


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(40_000)).examples().grouped()


@pytest.fixture(scope="module")
def state(examples: Examples) -> dict[str, Any]:
    table = ColumnTable.learn(examples.codes, examples.features)
    heads = HeadLessons(table, examples, HeadPlan(ALL_HEADS, 5.0)).learn(HEADS)
    named = {name: head | {"weights": WEIGHTS[name]} for name, head in heads.items()}
    return {"ranks": table.ranks, "heads": named}


def with_heads() -> Network:
    plain, sizes = network(WORDS), WORDS.sizes
    config = Config(sizes.items, plain.config.features, sizes.item_buckets, tasks=ALL_HEADS, churn_days=5.0)
    made = Network(config)
    made.load_state_dict(plain.state_dict(), strict=False)
    return made.eval().requires_grad_(False)


def test_a_head_of_one_logit_is_the_weighted_sum(state: dict[str, Any], examples: Examples) -> None:
    batch = examples.part(np.arange(500)).batch()
    forests, part = HeadForests(state, LAYOUT), LAYOUT["churn"]
    raw = np.random.default_rng(0).normal(size=(500, LAYOUT.raw)).astype(np.float32)
    mixed = raw.copy()
    forests.mix(mixed, batch)
    booster = lightgbm.Booster(model_str=state["heads"]["churn"]["trees"][0])
    said = booster.predict(forests.table(batch), raw_score=True)
    expected = 0.3 * raw[:, part.raw.start] + 0.7 * said
    np.testing.assert_allclose(mixed[:, part.raw.start], expected, rtol=1e-6)
    others = np.delete(np.arange(LAYOUT.raw), np.r_[part.raw, LAYOUT["next_event"].raw])
    np.testing.assert_array_equal(mixed[:, others], raw[:, others])


def test_a_distribution_pools_logarithms(state: dict[str, Any], examples: Examples) -> None:
    batch = examples.part(np.arange(500)).batch()
    forests, part = HeadForests(state, LAYOUT), LAYOUT["next_event"]
    mixed = np.zeros((500, LAYOUT.raw), dtype=np.float32)
    forests.mix(mixed, batch)
    head, columns = state["heads"]["next_event"], forests.table(batch)
    assert any(head["trees"])
    assert not all(head["trees"])
    for number, (text, base) in enumerate(zip(head["trees"], head["base"], strict=True)):
        chance = lightgbm.Booster(model_str=text).predict(columns) if text else np.exp(base)
        np.testing.assert_allclose(mixed[:, part.raw.start + number], 0.5 * np.log(chance), rtol=1e-5)


def test_rows_answer_as_tensors_do(state: dict[str, Any], examples: Examples) -> None:
    made, batch = with_heads(), examples.part(np.arange(1_000)).batch()
    forests = HeadForests(state, LAYOUT)
    scorer = NeuralScorer(made, WORDS, "trees", 7, head_forests=forests)
    states, _ = scorer._encoder.states(batch, 7)
    given = made, WORDS, None, forests
    found, expected = ByRows(*given)(states, batch)[1], ByTensors(*given)(states, batch)[1]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)
    alone = ByRows(*given[:3])(states, batch)[1]
    assert np.abs(found[:, LAYOUT["churn"].answers] - alone[:, LAYOUT["churn"].answers]).max() > 0.01


@pytest.mark.parametrize("chunk", [1, 37])
def test_no_bit_depends_on_the_chunk(state: dict[str, Any], chunk: int) -> None:
    scorer = NeuralScorer(with_heads(), WORDS, "trees", 7, head_forests=HeadForests(state, LAYOUT))
    clicks = CLICKS[: 300 if chunk == 1 else 2_000]
    found, expected = (
        np.concatenate([scores.tasks for scores in serve(clicks, [scorer], size, {})])
        for size in (chunk, 2_000)
    )
    np.testing.assert_array_equal(found, expected)


def test_missing_numbers_take_the_walk(state: dict[str, Any], examples: Examples) -> None:
    forests = HeadForests(state, LAYOUT)
    columns = forests.table(examples.part(np.arange(300)).batch())
    expected = forests.found(columns)
    forests._splits = None
    np.testing.assert_array_equal(forests.found(columns), expected)


def test_a_version_keeps_them(state: dict[str, Any], examples: Examples, tmp_path: Path) -> None:
    made = replace(parts(WORDS), network=with_heads(), head_forests=HeadForests(state, LAYOUT))
    kept = registry.load(tmp_path / registry.save(tmp_path, made, 1)).neural
    batch = examples.part(np.arange(300)).batch()
    alone = NeuralScorer(made.network, WORDS, "trees", 7, head_forests=made.head_forests)
    np.testing.assert_array_equal(kept.score(batch).tasks, alone.score(batch).tasks)


def test_long_sessions_give_fewer_clicks(examples: Examples) -> None:
    clicks = np.bincount(np.unique(examples.session, return_inverse=True)[1])
    own = clicks[np.unique(examples.session, return_inverse=True)[1]]
    rows = sampled(examples, 0.5)
    assert len(sampled(examples, 0.0)) == len(examples)
    assert (own[rows] == 1).sum() == (own == 1).sum()
    assert (own[rows] >= 9).mean() < 0.5 * (own >= 9).mean() * len(own) / len(rows)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"heads": {"love": {}}}, "head of the version"),
        ({"heads": {"session_value": {}}}, "that trees can serve"),
        ({"heads": {"churn": {"weights": [1.0, 0.0], "trees": ["tree"], "base": [0.0]}}}, "above 0"),
        ({"heads": {"churn": {"weights": [1.0, 1.0], "trees": [], "base": []}}}, "one for each"),
        ({"heads": {"churn": {"weights": [1.0, 1.0], "trees": ["tree"], "base": [0.0]}}}, "LightGBM"),
        ({"ranks": {"item": {}, "page": {}, "category": {}, "country": {}}, "heads": {}}, "columns"),
    ],
)
def test_what_does_not_fit_is_refused(state: dict[str, Any], change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        HeadForests(state | change, LAYOUT)
