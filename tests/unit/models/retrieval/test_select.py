"""Some clusters have nearly all of the best items, and always the same."""

from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from models.features.vocabulary import Vocabulary
from models.registry.sample_sessions import views
from models.retrieval.exact import Exact, Retriever
from models.retrieval.ivf import RECALL, SAMPLE, IvfIndex, ivf_index
from models.retrieval.select import LEAST_ITEMS, LEAST_QUERIES, select_retriever
from models.scoring.session_index import NeighbourSettings, build
from models.state.visitor import KEPT_CODES

#: No multiple of a group.
ITEMS, WIDTH, K = 12_007, 32, 20


@cache
def world(
    width: int = WIDTH, rank: int = 6, seed: int = 0, noise: float = 0.02
) -> tuple[torch.Tensor, torch.Tensor]:
    """Items in all directions, and queries that a network would make: in few of them, near some items."""
    chance = torch.Generator().manual_seed(seed)
    items = F.normalize(torch.randn(ITEMS, width, generator=chance), dim=1)
    axes = torch.linalg.qr(torch.randn(width, rank, generator=chance))[0]
    wanted = items[torch.randint(ITEMS, (1500,), generator=chance)] @ axes @ axes.T
    return items, 14 * F.normalize(wanted + noise * torch.randn(1500, width, generator=chance), dim=1)


def found(way, queries: torch.Tensor, k: int = K):
    return way.top(queries, torch.full((len(queries),), -1), k)


def recall(exact: np.ndarray, near: np.ndarray) -> float:
    return float(np.mean([np.isin(*pair).mean() for pair in zip(exact, near, strict=True)]))


@cache
def both() -> tuple[Exact, Retriever]:
    items, queries = world()
    exact = Exact(items, torch.zeros(ITEMS))
    return exact, made(exact, queries[:1000])


def made(exact: Exact, asked: torch.Tensor) -> Retriever:
    near = ivf_index(exact, asked)
    assert near is not None
    return near


def test_queries_that_made_nothing_find_nearly_all() -> None:
    exact, near = both()
    queries = world()[1][1000:]
    truth, answer = found(exact, queries), found(near, queries)
    assert recall(truth.items, answer.items) >= RECALL - 0.003
    assert (np.diff(answer.scores, axis=1) <= 0).all()
    # Scores are probabilities but for the estimate of what was not looked at.
    ratio = answer.scores.sum(1) / truth.scores.sum(1)
    assert 0.95 < np.median(ratio) < 1.05
    assert np.quantile(np.abs(ratio - 1), 0.9) < 0.3


def test_the_same_items_and_queries_make_the_same_answers() -> None:
    exact, near = both()
    queries = world()[1]
    again = made(exact, queries[:1000])
    one, other = found(near, queries[1000:]), found(again, queries[1000:])
    assert (one.items == other.items).all()
    assert (one.scores == other.scores).all()
    # ... whatever else is asked with them.
    for chosen in (slice(1000, 1001), slice(1003, 1010)):
        alone, there = found(near, queries[chosen]), slice(chosen.start - 1000, chosen.stop - 1000)
        assert (alone.items == one.items[there]).all()
        assert (alone.scores == one.scores[there]).all()


def test_the_item_on_view_is_left_out() -> None:
    _, near = both()
    queries = world()[1][1000:]
    first = found(near, queries).items[:, 0].astype(np.int64)
    without = near.top(queries, torch.from_numpy(first), K)
    assert not (without.items == first[:, None]).any()
    assert (without.items[:, 0] >= 0).all()


def test_equal_items_stand_in_order_of_their_numbers() -> None:
    items, queries = world()
    twins = torch.cat([items, items])
    near = IvfIndex(Exact(twins, torch.zeros(len(twins))), queries[:1000])
    near.set_effort(1 / 4)
    answer = found(near, queries[1000:])
    equal = np.diff(answer.scores, axis=1) == 0
    assert equal.any()
    assert (np.diff(answer.items, axis=1)[equal] > 0).all()


def test_more_than_the_list_holds_is_ranked_whole() -> None:
    exact, near = both()
    queries = world()[1][1000:1010]
    most = found(near, queries, ITEMS - 1)
    truth = found(exact, queries, ITEMS - 1)
    # Equal but for what rounds differently.
    assert (most.items == truth.items).mean() > 0.99
    beyond = found(near, queries[:2], ITEMS + 5)
    assert (beyond.items[:, ITEMS:] == -1).all()


def test_a_bias_counts() -> None:
    items, queries = world()
    bias = torch.linspace(2, -2, ITEMS)
    exact = Exact(items, bias)
    near = made(exact, queries[:1000])
    assert recall(found(exact, queries[1000:]).items, found(near, queries[1000:]).items) >= RECALL - 0.003


def test_without_many_queries_or_items_all_are_ranked() -> None:
    items, queries = world()
    exact, few = (
        Exact(items, torch.zeros(ITEMS)),
        Exact(items[: LEAST_ITEMS - 1], torch.zeros(LEAST_ITEMS - 1)),
    )
    assert select_retriever(exact, queries[: LEAST_QUERIES - 1]) is exact
    assert select_retriever(few, queries) is few


@pytest.mark.parametrize("k", [K, 60])
def test_the_last_items_are_found_like_any_other(k: int) -> None:
    items, _ = world()
    near = both()[1]
    last = np.arange(ITEMS - 7, ITEMS)
    answer = found(near, 14 * items[-7:], k)
    assert (answer.items[:, 0] == last).all()
    assert (answer.items >= 0).all()


@pytest.mark.parametrize("height", [3.0, 30.0])
def test_an_item_on_view_that_outweighs_all_others_leaves_them_little(height: float) -> None:
    """It is never an answer, but has its share of the probability, in the estimate's sample or not."""
    items, queries = world()
    some = np.sort(np.random.default_rng(0).choice(ITEMS, SAMPLE, replace=False))
    for star in (int(some[0]), int(np.setdiff1d(np.arange(50), some)[0])):
        weighed = items.clone()
        weighed[star] *= height
        exact = Exact(weighed, torch.zeros(ITEMS))
        near = IvfIndex(exact, queries[:1000])
        near.set_effort(1)
        asked, viewed = 14 * items[star].expand(3, -1), torch.full((3,), star)
        answer, truth = near.top(asked, viewed, K), exact.top(asked, viewed, K)
        assert np.isfinite(answer.scores).all()
        both = np.intersect1d(answer.items[0], truth.items[0])
        assert len(both)
        scores = [one.scores[0][np.isin(one.items[0], both)] for one in (answer, truth)]
        np.testing.assert_allclose(*scores, rtol=0.3)


def test_where_the_queries_have_no_neighbourhoods_clusters_will_not_do() -> None:
    exact, nowhere = _nowhere(96)
    assert ivf_index(exact, nowhere) is None
    assert select_retriever(exact, nowhere) is exact


def _nowhere(width: int) -> tuple[Exact, torch.Tensor]:
    """Items and queries in directions at random."""
    chance = torch.Generator().manual_seed(2)
    items = F.normalize(torch.randn(ITEMS, width, generator=chance), dim=1)
    queries = F.normalize(torch.randn(1500, width, generator=chance), dim=1)
    return Exact(items, torch.zeros(ITEMS)), 14 * queries


def test_past_sessions_are_clicks_on_their_items() -> None:
    words = Vocabulary.build([f"i{number}" for number in range(40)], range(40))
    sessions = np.repeat(np.arange(30), 4)
    index = build(
        sessions, np.random.default_rng(0).integers(0, 40, 120), sessions / 10, 40, NeighbourSettings()
    )
    batch = views(index, words)
    assert (words.lookup(batch.codes["item"]) == index.items).all()
    assert batch.slots == len(index.starts) - 1
    assert (np.bincount(batch.slot) == np.diff(index.starts)).all()
    assert np.bincount(batch.slot).max() <= KEPT_CODES
    assert batch.fresh.sum() == batch.slots
