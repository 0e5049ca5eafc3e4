"""Looking at a part of the items finds nearly all of what there is, and always the same."""

from functools import cache

import numpy as np
import torch
from torch.nn import functional as F

from models.clusters import LEAST_ITEMS, LEAST_QUERIES, RECALL, Clusters, clustered, retriever
from models.past import views
from models.retrieval import Exact
from models.session_index import Settings, build
from models.visitor import KEPT_CODES
from models.vocabulary import Vocabulary

ITEMS, WIDTH, K = 12_000, 32, 20


@cache
def world(width: int = WIDTH, rank: int = 6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Items in all directions, and queries that a network would make: in few of them, near some items."""
    chance = torch.Generator().manual_seed(seed)
    items = F.normalize(torch.randn(ITEMS, width, generator=chance), dim=1)
    axes = torch.linalg.qr(torch.randn(width, rank, generator=chance))[0]
    wanted = items[torch.randint(ITEMS, (1500,), generator=chance)] @ axes @ axes.T
    return items, 14 * F.normalize(wanted + 0.02 * torch.randn(1500, width, generator=chance), dim=1)


def found(way, queries: torch.Tensor, k: int = K):
    return way.top(queries, torch.full((len(queries),), -1), k)


def recall(exact: np.ndarray, near: np.ndarray) -> float:
    return float(np.mean([np.isin(*pair).mean() for pair in zip(exact, near, strict=True)]))


@cache
def ways() -> tuple[Exact, Clusters]:
    items, queries = world()
    exact = Exact(items, torch.zeros(ITEMS))
    near = clustered(exact, queries[:1000])
    assert near is not None
    return exact, near


def test_queries_that_made_nothing_find_nearly_all() -> None:
    exact, near = ways()
    queries = world()[1][1000:]
    truth, answer = found(exact, queries), found(near, queries)
    assert recall(truth.items, answer.items) >= RECALL - 0.003
    assert (np.diff(answer.scores, axis=1) <= 0).all()
    # Scores are probabilities but for the estimate of what was not looked at.
    ratio = answer.scores.sum(1) / truth.scores.sum(1)
    assert 0.95 < np.median(ratio) < 1.05
    assert np.quantile(np.abs(ratio - 1), 0.9) < 0.3


def test_the_same_items_and_queries_make_the_same_answers() -> None:
    exact, near = ways()
    queries = world()[1]
    again = clustered(exact, queries[:1000])
    assert again is not None
    one, other = found(near, queries[1000:]), found(again, queries[1000:])
    assert (one.items == other.items).all()
    assert (one.scores == other.scores).all()
    # ... whatever else is asked with them.
    alone = found(near, queries[1000:1007])
    assert (alone.items == one.items[:7]).all()


def test_the_item_on_view_is_left_out() -> None:
    _, near = ways()
    queries = world()[1][1000:]
    first = found(near, queries).items[:, 0].astype(np.int64)
    without = near.top(queries, torch.from_numpy(first), K)
    assert not (without.items == first[:, None]).any()
    assert (without.items[:, 0] >= 0).all()


def test_equal_items_stand_in_order_of_their_numbers() -> None:
    items, queries = world()
    twins = torch.cat([items, items])
    near = Clusters(Exact(twins, torch.zeros(len(twins))), queries[:1000])
    near.look_at(1 / 4)
    answer = found(near, queries[1000:])
    equal = np.diff(answer.scores, axis=1) == 0
    assert equal.any()
    assert (np.diff(answer.items, axis=1)[equal] > 0).all()


def test_more_than_the_clusters_hold_is_ranked_whole() -> None:
    exact, near = ways()
    queries = world()[1][1000:1010]
    most = found(near, queries, ITEMS - 1)
    truth = found(exact, queries, ITEMS - 1)
    assert (most.items == truth.items).all()
    beyond = found(near, queries[:2], ITEMS + 5)
    assert (beyond.items[:, ITEMS:] == -1).all()


def test_a_bias_counts() -> None:
    items, queries = world()
    bias = torch.linspace(2, -2, ITEMS)
    exact = Exact(items, bias)
    near = clustered(exact, queries[:1000])
    assert near is not None
    assert recall(found(exact, queries[1000:]).items, found(near, queries[1000:]).items) >= RECALL - 0.003


def test_without_many_queries_or_items_all_are_ranked() -> None:
    items, queries = world()
    exact, few = (
        Exact(items, torch.zeros(ITEMS)),
        Exact(items[: LEAST_ITEMS - 1], torch.zeros(LEAST_ITEMS - 1)),
    )
    assert retriever(exact, queries[: LEAST_QUERIES - 1]) is exact
    assert retriever(few, queries) is few
    assert isinstance(retriever(exact, queries), Clusters)


def test_where_a_quarter_of_the_clusters_will_not_do_all_are_ranked() -> None:
    """Directions at random have no neighbourhoods."""
    items, queries = world(width=96, rank=96, seed=1)
    chance = torch.Generator().manual_seed(2)
    nowhere = F.normalize(torch.randn(len(queries), 96, generator=chance), dim=1)
    exact = Exact(items, torch.zeros(ITEMS))
    assert retriever(exact, nowhere) is exact


def test_past_sessions_are_clicks_on_their_items() -> None:
    words = Vocabulary.build([f"i{number}" for number in range(40)], range(40))
    sessions = np.repeat(np.arange(30), 4)
    index = build(sessions, np.random.default_rng(0).integers(0, 40, 120), sessions / 10, 40, Settings())
    batch = views(index, words)
    assert (words.lookup(batch.codes["item"]) == index.items).all()
    assert batch.slots == len(index.starts) - 1
    assert (np.bincount(batch.slot) == np.diff(index.starts)).all()
    assert np.bincount(batch.slot).max() <= KEPT_CODES
    assert batch.fresh.sum() == batch.slots
