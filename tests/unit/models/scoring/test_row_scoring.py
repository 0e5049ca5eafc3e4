"""Scoring click by click: the tensors' answers, the same bits in any chunk, and without compiling."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from models.features.batch import Batch, Batcher
from models.network.network import Config, Network
from models.network.risk import SHAPE
from models.scoring.blend import Blend, Hybrid
from models.scoring.forest import Forest
from models.scoring.head_answers import ByRows, ByTensors
from models.scoring.rates import BUILT_IN
from models.scoring.row_ranking import RowRanking, TensorRanking
from models.scoring.scorer import NeuralScorer
from models.scoring.scores import Scores
from models.scoring.session_index import NeighbourSettings, build
from models.scoring.session_knn import NeighbourScorer
from tests.kernels import uncompile
from tests.scoring import SHIPPED, network, real_clicks, serve, vocabulary
from tests.tiny import ALL_HEADS
from trainer.baselines import trees
from trainer.examples.split import split
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

CLICKS = real_clicks(3_000)
WORDS = vocabulary(CLICKS, 400)
TOLERANCE = 1e-5


@dataclass
class Whole:
    """All parts of a default version: every head, trees, and the blend of ranked items."""

    network: Network
    forest: Forest
    hybrid: Hybrid
    batch: Batch

    def scorer(self) -> NeuralScorer:
        return NeuralScorer(self.network, WORDS, "whole", 7, hybrid=self.hybrid, forest=self.forest)


@pytest.fixture(scope="module", params=["cosine", "products"])
def whole(request: pytest.FixtureRequest) -> Whole:
    examples = replay_log(read_log([SHIPPED]).head(12_000)).examples()
    learned, judged = split(examples, (0.8, 0.2))
    state = trees.learn(learned.grouped(), judged.grouped()) | {"weights": [0.6, 0.4]}
    found = WORDS.lookup(learned.codes["item"])
    known = found >= 0
    sessions = learned.session[known], found[known], learned.ts[known] / 86_400_000
    index = build(*sessions, len(WORDS.ids), NeighbourSettings())
    near = NeighbourScorer(index, WORDS, BUILT_IN, "near")
    blend = Blend(network=0.5, neighbours=0.4, on_view=0.0, seen=0.9)
    return Whole(
        with_heads(14.0 if request.param == "cosine" else 0.0),
        Forest(state),
        Hybrid(near, blend),
        judged.part(np.arange(1_500)).batch(),
    )


def with_heads(cosine: float) -> Network:
    plain, sizes = network(WORDS), WORDS.sizes
    width = plain.config.features
    made = Network(
        Config(sizes.items, width, sizes.item_buckets, cosine=cosine, tasks=ALL_HEADS, churn_days=5.0)
    )
    made.load_state_dict(plain.state_dict(), strict=False)
    chance = torch.Generator().manual_seed(3)
    made.mean.copy_(torch.rand(width, generator=chance))
    made.scale.copy_(0.2 + torch.rand(width, generator=chance))
    made.prices.copy_(torch.rand(made.prices.shape, generator=chance))
    made.calibration.add_(0.3 * torch.rand(made.calibration.shape, generator=chance))
    made.tasks.lines.add_(0.3 * torch.rand(made.tasks.lines.shape, generator=chance))
    made.item_bias.data.copy_(torch.rand(len(made.item_bias), generator=chance))
    for expected in (made.ratings.items, made.ratings.categories):
        expected.copy_(torch.linspace(4, 6, len(expected)))
    made.tasks.ratios.copy_(
        torch.from_numpy(np.random.default_rng(0).normal(0, 0.5, SHAPE).astype(np.float32))
    )
    return made.eval().requires_grad_(False)


def test_heads_answer_as_tensors_do(whole: Whole) -> None:
    states, _ = whole.scorer()._encoder.states(whole.batch, 7)
    given = whole.network, WORDS, whole.forest
    found, expected = ByRows(*given)(states, whole.batch), ByTensors(*given)(states, whole.batch)
    np.testing.assert_allclose(found[0], expected[0], atol=TOLERANCE)
    np.testing.assert_allclose(found[1], expected[1], atol=TOLERANCE, rtol=TOLERANCE)
    assert np.ptp(found[0]) > 0.1


def test_items_are_ranked_as_tensors_do(whole: Whole) -> None:
    scorer = whole.scorer()
    states, _ = scorer._encoder.states(whole.batch, 7)
    given = whole.network, WORDS, scorer._table, whole.hybrid
    rows, tensors = RowRanking(*given), TensorRanking(*given)
    queries, current = tensors.queries(states), torch.from_numpy(WORDS.indices(whole.batch.codes))
    np.testing.assert_allclose(rows.queries(states), queries, atol=TOLERANCE, rtol=TOLERANCE)
    for wanted in (20, 60):
        own = scorer._exact.top(queries, current, wanted)
        found, expected = (way.blended(own, whole.batch, queries) for way in (rows, tensors))
        np.testing.assert_allclose(found.scores, expected.scores, atol=TOLERANCE)
        assert (found.items == expected.items).mean() > 0.999
    assert (found.items != own.items).any()


@pytest.mark.parametrize("chunk", [1, 7, 333])
def test_no_bit_of_an_answer_depends_on_the_chunk(whole: Whole, chunk: int) -> None:
    clicks, scorer = CLICKS[: 700 if chunk == 1 else 3_000], whole.scorer()
    found, expected = (joined(list(serve(clicks, [scorer], size, {}))) for size in (chunk, 2_000))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_uncompiled_kernels_give_the_same_bits(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    clicks, scorer = CLICKS[:30], whole.scorer()
    expected = joined(list(serve(clicks, [scorer], 20, {})))
    uncompile(monkeypatch)
    for one, other in zip(joined(list(serve(clicks, [scorer], 20, {}))), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_batch_without_clicks_has_no_answers(whole: Whole) -> None:
    assert len(whole.scorer().score(Batcher().build()).purchase) == 0


def joined(scores: list[Scores]) -> tuple[np.ndarray, ...]:
    columns = ([one.purchase, one.items, one.item_scores, one.tasks] for one in scores)
    return tuple(map(np.concatenate, zip(*columns, strict=True)))
