"""The compiled top-k: a full sort, the same bits in any chunk, and no probability from what is no number."""

from itertools import pairwise

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from models.retrieval import top_kernels
from models.retrieval.exact import whole

WIDTH, K = 12, 20


def asked(queries, items, seed=0):
    rng = np.random.default_rng(seed)
    arrays = rng.normal(size=(queries, WIDTH)), rng.normal(size=(WIDTH, items)), rng.normal(size=items)
    current = rng.integers(-1, items, queries)
    return *(array.astype(np.float32) for array in arrays), current


def top(queries, columns, bias, current, k=K):
    """The best of all items."""
    return search(queries, whole(columns, bias), 1, current, k)


@pytest.mark.parametrize("items", [1, 2, 19, 20, 21, 511, 512, 513, 3_000])
def test_it_is_a_full_sort_of_the_softmax(items):
    queries, columns, bias, current = asked(11, items)
    found, scores = top(queries, columns, bias, current)
    logits = queries.astype(np.float64) @ columns + bias
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for row, seen in enumerate(current):
        order = [item for item in np.argsort(-chances[row], kind="stable") if item != seen][:K]
        assert found[row].tolist() == order + [-1] * (K - len(order))
        np.testing.assert_allclose(scores[row, : len(order)], chances[row, order], rtol=2e-5)
        assert not scores[row, len(order) :].any()


def test_a_query_has_the_same_bits_in_any_chunk():
    queries, columns, bias, current = asked(41, 1_500)
    found, scores = top(queries, columns, bias, current)
    for start, stop in ((0, 1), (7, 9), (3, 20), (40, 41)):
        alone = top(queries[start:stop], columns, bias, current[start:stop])
        np.testing.assert_array_equal(alone[0], found[start:stop])
        np.testing.assert_array_equal(alone[1], scores[start:stop])


def test_equal_scores_are_in_the_order_of_items():
    queries, columns, bias = np.zeros((1, WIDTH), np.float32), np.zeros((WIDTH, 90), np.float32), np.zeros(90)
    found, scores = top(queries, columns, bias.astype(np.float32), np.array([3]))
    assert found[0].tolist() == [item for item in range(K + 1) if item != 3]
    np.testing.assert_allclose(scores, 1 / 90, rtol=1e-6)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["query", "bias"])
def test_what_is_no_number_gives_no_probability(odd, where):
    queries, columns, bias, current = asked(3, 100)
    if where == "query":
        queries[1, 4] = odd
    else:
        bias[50] = odd
    _, scores = top(queries, columns, bias, current)
    assert np.isnan(scores[1]).all()
    assert np.isnan(scores[0]).all() == (where == "bias")


def test_extreme_logits_stay_probabilities():
    queries, columns, bias, _ = asked(5, 100)
    found, scores = top(queries * 100, columns, bias, np.full(5, -1))
    assert np.isfinite(scores).all()
    assert (scores.sum(1) <= 1.0001).all()
    assert (found >= 0).all()


def in_clusters(items, clusters, seed=0):
    """Random clusters, the last of which is empty, so that its centre counts for nothing."""
    rng = np.random.default_rng(seed)
    vectors, bias = rng.normal(size=(items, WIDTH)).astype(np.float32), rng.normal(size=items)
    nearest = np.sort(rng.integers(0, clusters - 1, items))
    order, bounds = rng.permutation(items), np.searchsorted(nearest, np.arange(clusters + 1))
    columns = [vectors[order[first:last]].T.ravel() for first, last in pairwise(bounds)]
    centres = rng.normal(size=(WIDTH, clusters)).astype(np.float32)
    heights = np.where(np.diff(bounds) == 0, -np.inf, 0).astype(np.float32)
    chosen = np.arange(0, items, 3)
    bias = bias.astype(np.float32)[order]
    return top_kernels.Lists(
        centres,
        heights,
        np.concatenate(columns),
        bias,
        order.astype(np.int32),
        bounds,
        np.ascontiguousarray(vectors[order[chosen]].T),
        bias[chosen],
        nearest[chosen],
        np.argsort(order),
    )


def search(queries, lists, probes, current, k=K):
    items = np.full((len(queries), k), 7, dtype=np.int32)
    scores = np.full((len(queries), k), 7, dtype=np.float32)
    top_kernels.search(queries, lists, probes, current, items, scores)
    return items, scores


@pytest.mark.parametrize("probes", [1, 3, 8, 9])
def test_a_search_has_the_same_bits_in_any_chunk(probes):
    lists, together = in_clusters(700, 9), top_kernels.TOGETHER
    queries, *_, current = asked(3 * together + 2, 700)
    found, scores = search(queries, lists, probes, current)
    for start, stop in ((0, 1), (together - 1, together + 1), (3, 2 * together + 5), (5, 5)):
        alone = search(queries[start:stop], lists, probes, current[start:stop])
        np.testing.assert_array_equal(alone[0], found[start:stop])
        np.testing.assert_array_equal(alone[1], scores[start:stop])


def test_a_search_of_all_clusters_is_a_full_sort():
    lists = in_clusters(300, 9)
    vectors, bias = np.empty((300, WIDTH), np.float32), np.empty(300, np.float32)
    for first, last in pairwise(lists.bounds):
        part = lists.columns[WIDTH * first : WIDTH * last].reshape(WIDTH, last - first).T
        vectors[lists.items[first:last]], bias[lists.items[first:last]] = part, lists.bias[first:last]
    queries, *_, current = asked(21, 300)
    found, scores = search(queries, lists, 9, current)
    whole = top(queries, np.ascontiguousarray(vectors.T), bias, current)
    np.testing.assert_array_equal(found, whole[0])
    np.testing.assert_allclose(scores, whole[1], rtol=1e-5)


def test_uncompiled_functions_give_the_same_bits(monkeypatch):
    question, lists = asked(3, 40), in_clusters(40, 5)
    compiled = top(*question), search(question[0], lists, 3, question[3])
    for name, function in vars(top_kernels).items():
        if isinstance(function, Dispatcher):
            monkeypatch.setattr(top_kernels, name, function.py_func)
    uncompiled = top(*question), search(question[0], lists, 3, question[3])
    for one, other in zip(sum(uncompiled, ()), sum(compiled, ()), strict=True):
        np.testing.assert_array_equal(one, other)
