"""A short list has nearly all of what there is, and always the same."""

from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from models.features.vocabulary import Vocabulary
from models.registry.sample_sessions import views
from models.retrieval import bf16, ivf, select
from models.retrieval.bf16 import Bf16Index, bf16_index
from models.retrieval.exact import Exact, Retriever
from models.retrieval.ivf import IvfIndex, ivf_index
from models.retrieval.select import LEAST_ITEMS, LEAST_QUERIES, select_retriever
from models.retrieval.shortlist import SAMPLE
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


MAKERS = {"ivf": ivf_index, "bf16": bf16_index}
RECALL = {"ivf": ivf.RECALL, "bf16": bf16.RECALL}
each_way = pytest.mark.parametrize("way", MAKERS)


@cache
def ways(way: str) -> tuple[Exact, Retriever]:
    items, queries = world()
    exact = Exact(items, torch.zeros(ITEMS))
    return exact, made(way, exact, queries[:1000])


def made(way: str, exact: Exact, asked: torch.Tensor) -> Retriever:
    near = MAKERS[way](exact, asked)
    assert near is not None
    return near


@each_way
def test_queries_that_made_nothing_find_nearly_all(way: str) -> None:
    exact, near = ways(way)
    queries = world()[1][1000:]
    truth, answer = found(exact, queries), found(near, queries)
    assert recall(truth.items, answer.items) >= RECALL[way] - 0.003
    assert (np.diff(answer.scores, axis=1) <= 0).all()
    # Scores are probabilities but for the estimate of what was not looked at.
    ratio = answer.scores.sum(1) / truth.scores.sum(1)
    assert 0.95 < np.median(ratio) < 1.05
    assert np.quantile(np.abs(ratio - 1), 0.9) < 0.3


@each_way
def test_the_same_items_and_queries_make_the_same_answers(way: str) -> None:
    exact, near = ways(way)
    queries = world()[1]
    again = made(way, exact, queries[:1000])
    one, other = found(near, queries[1000:]), found(again, queries[1000:])
    assert (one.items == other.items).all()
    assert (one.scores == other.scores).all()
    # ... whatever else is asked with them; scores in bf16 round differently, which the list has room for.
    alone = found(near, queries[1000:1007])
    assert (alone.items == one.items[:7]).all()


@each_way
def test_the_item_on_view_is_left_out(way: str) -> None:
    _, near = ways(way)
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


@each_way
def test_more_than_the_list_holds_is_ranked_whole(way: str) -> None:
    exact, near = ways(way)
    queries = world()[1][1000:1010]
    most = found(near, queries, ITEMS - 1)
    truth = found(exact, queries, ITEMS - 1)
    # Equal but for what rounds differently.
    assert (most.items == truth.items).mean() > 0.99
    beyond = found(near, queries[:2], ITEMS + 5)
    assert (beyond.items[:, ITEMS:] == -1).all()


@each_way
def test_a_bias_counts(way: str) -> None:
    items, queries = world()
    bias = torch.linspace(2, -2, ITEMS)
    exact = Exact(items, bias)
    near = made(way, exact, queries[:1000])
    assert (
        recall(found(exact, queries[1000:]).items, found(near, queries[1000:]).items) >= RECALL[way] - 0.003
    )


def test_without_many_queries_or_items_all_are_ranked() -> None:
    items, queries = world()
    exact, few = (
        Exact(items, torch.zeros(ITEMS)),
        Exact(items[: LEAST_ITEMS - 1], torch.zeros(LEAST_ITEMS - 1)),
    )
    assert select_retriever(exact, queries[: LEAST_QUERIES - 1]) is exact
    assert select_retriever(few, queries) is few


@pytest.mark.parametrize(("hardware", "kind"), [(True, Bf16Index), (False, IvfIndex)])
def test_the_processor_decides_which_list_is_made(
    monkeypatch: pytest.MonkeyPatch, hardware: bool, kind: type[Retriever]
) -> None:
    monkeypatch.setattr(select, "computes_bf16", lambda device: hardware)
    items, queries = world()
    assert isinstance(select_retriever(Exact(items, torch.zeros(ITEMS)), queries), kind)


def test_where_no_list_will_do_all_are_ranked() -> None:
    """Items that are all alike, told apart by less than bf16 can say."""
    chance = torch.Generator().manual_seed(5)
    centre = F.normalize(torch.randn(WIDTH, generator=chance), dim=0)
    items = F.normalize(centre + 0.01 * torch.randn(ITEMS, WIDTH, generator=chance), dim=1)
    queries = 14 * F.normalize(centre + 0.3 * torch.randn(1500, WIDTH, generator=chance), dim=1)
    exact = Exact(items, torch.zeros(ITEMS))
    assert bf16_index(exact, queries) is None
    assert select_retriever(exact, queries) is exact


@each_way
@pytest.mark.parametrize("k", [K, 60])
def test_the_last_items_are_found_like_any_other(way: str, k: int) -> None:
    items, _ = world()
    near = ways(way)[1]
    last = np.arange(ITEMS - 7, ITEMS)
    answer = found(near, 14 * items[-7:], k)
    assert (answer.items[:, 0] == last).all()
    assert (answer.items >= 0).all()


@each_way
@pytest.mark.parametrize("height", [3.0, 30.0])
def test_an_item_on_view_that_outweighs_all_others_leaves_them_little(way: str, height: float) -> None:
    """It is never an answer, but has its share of the probability, in the estimate's sample or not."""
    items, queries = world()
    some = np.sort(np.random.default_rng(0).choice(ITEMS, SAMPLE, replace=False))
    for star in (int(some[0]), int(np.setdiff1d(np.arange(50), some)[0])):
        weighed = items.clone()
        weighed[star] *= height
        exact = Exact(weighed, torch.zeros(ITEMS))
        near = {"ivf": IvfIndex, "bf16": Bf16Index}[way](exact, queries[:1000])
        if isinstance(near, IvfIndex):
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


def test_few_directions_will_do_where_queries_differ_in_few() -> None:
    items, queries = world(width=64, noise=0)
    flat = Exact(items, torch.zeros(ITEMS))
    near, all_of_them = made("bf16", flat, queries), made("bf16", *_nowhere(64))
    assert isinstance(near, Bf16Index)
    assert isinstance(all_of_them, Bf16Index)
    assert near.description == "32 of 64 directions in bf16"
    assert all_of_them.description == "64 of 64 directions in bf16"


def test_lists_of_many_queries_are_those_of_their_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    near = ways("bf16")[1]
    queries = world()[1][1000:]
    whole = found(near, queries)
    monkeypatch.setattr(bf16, "BLOCK", 0)
    blocks = found(near, queries)
    assert (whole.items == blocks.items).mean() > 0.999


def test_scores_that_tie_in_half_precision_are_told_apart() -> None:
    """24 items that bf16 cannot tell from each other, and the rest far below."""
    items = torch.zeros(ITEMS, 8)
    items[:, 0], items[:24, 0] = -1, 1 + torch.arange(24) / 10_000
    queries = torch.zeros(300, 8)
    queries[:, 0] = 8
    near = Bf16Index(Exact(items, torch.zeros(ITEMS)), queries)
    answer = found(near, queries[:5])
    chosen = near.candidates(near.padded_vectors(queries[:1]), 63)[0]
    assert len(np.unique(chosen)) == 63
    assert np.isin(np.arange(24), chosen).all()
    assert (answer.items == np.arange(23, 3, -1)).all()


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
