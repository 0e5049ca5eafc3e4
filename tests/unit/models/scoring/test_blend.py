"""The blend of network and session kNN against the same formula over all items at once."""

import numpy as np
import pytest
import torch

from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.scoring import session_index
from models.scoring.blend import LEAST, Blend, Hybrid
from models.scoring.rates import BUILT_IN
from models.scoring.scorer import NeuralScorer
from models.scoring.session_knn import NeighbourScorer
from tests.scoring import network, real_clicks, vocabulary
from trainer.examples.examples import Examples
from trainer.logs.log_replay import LogReplay

BLEND = Blend(network=0.4, neighbours=0.6, on_view=0.0, seen=0.5)


@pytest.fixture(scope="module")
def log() -> tuple[Vocabulary, NeighbourScorer, Batch]:
    clicks = real_clicks(4000)
    replayed = LogReplay()
    for click in clicks:
        replayed._step(click)
    words, examples = vocabulary(clicks, 800), replayed.examples()
    past, now = examples.part(np.arange(3000)), examples.part(np.arange(3000, 4000))
    return words, NeighbourScorer(_index(words, past), words, BUILT_IN, "near"), now.batch()


def _index(words: Vocabulary, past: Examples) -> session_index.SessionIndex:
    known = words.lookup(past.codes["item"])
    kept = known >= 0
    days = past.ts[kept] / 86_400_000
    return session_index.build(
        past.session[kept], known[kept], days, len(words.ids), session_index.NeighbourSettings()
    )


def test_it_ranks_as_the_formula_over_all_items_says(log) -> None:
    words, near, batch = log
    alone = NeuralScorer(network(words), words, "v", 7)
    found = NeuralScorer(network(words), words, "v", 7, hybrid=Hybrid(near, BLEND)).score(batch)
    expected = _everywhere(alone, near, batch)
    best = -np.sort(-expected, axis=1)[:, :20]
    np.testing.assert_allclose(np.take_along_axis(expected, found.items, 1), best, atol=1e-5)
    # Scores are those of the formula up to a factor of the click.
    ratio = np.log(found.item_scores) - best
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), atol=1e-4)
    assert (found.item_scores.sum(1) <= 1 + 1e-6).all()
    assert (found.items != alone.score(batch).items).any()


def _everywhere(alone: NeuralScorer, near: NeighbourScorer, batch: Batch) -> np.ndarray:
    """Blended scores of all items [N, V], the item on view left out."""
    with torch.inference_mode():
        states, _ = alone._encoder.states(batch, 7)
        logits = alone._network.queries(states) @ alone._items + alone._network.item_bias
    chances = torch.log_softmax(logits, 1).numpy().astype(np.float64)
    shares, seen = np.zeros_like(chances), np.zeros(chances.shape, dtype=bool)
    found = near.ranked_neighbours(batch)
    shares[found.click, found.item], seen[found.click, found.item] = found.share, found.seen
    scores = BLEND.network * chances + BLEND.neighbours * np.log(shares + LEAST) + BLEND.seen * seen
    current = alone.vocabulary.lookup(batch.codes["item"])
    rows = np.flatnonzero(current >= 0)
    scores[rows, current[rows]] = -np.inf
    return scores


def test_shares_of_a_click_add_up_to_one_and_leave_out_the_item_on_view(log) -> None:
    words, near, batch = log
    found = near.ranked_neighbours(batch)
    clicks = np.unique(found.click[found.share > 0])
    assert len(clicks) > 100
    np.testing.assert_allclose(np.bincount(found.click, found.share)[clicks], 1)
    assert (found.item != words.lookup(batch.codes["item"])[found.click]).all()
    assert found.seen.any()
    assert not found.seen.all()
    for click in np.flatnonzero(batch.position == 3)[:20].tolist():
        earlier = words.lookup(batch.codes["item"])[batch.slot == batch.slot[click]][:2]
        seen = set(found.item[(found.click == click) & found.seen].tolist())
        assert seen == set(earlier.tolist()) - {-1, words.lookup(batch.codes["item"])[click]}


def test_purchase_and_hidden_state_are_the_networks(log) -> None:
    words, near, batch = log
    alone = NeuralScorer(network(words), words, "v", 7).score(batch)
    both = NeuralScorer(network(words), words, "v", 7, hybrid=Hybrid(near, BLEND)).score(batch)
    np.testing.assert_array_equal(alone.purchase, both.purchase)
    assert alone.hidden is not None
    np.testing.assert_array_equal(alone.hidden, both.hidden)


@pytest.mark.parametrize("weights", [(0, 1, 0, 0), (1, float("nan"), 0, 0), (float("inf"), 1, 0, 0)])
def test_weights_that_are_no_blend_are_refused(weights: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="expected finite weights"):
        Blend(*weights)
