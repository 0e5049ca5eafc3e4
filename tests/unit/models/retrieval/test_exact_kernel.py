"""The compiled top-k: a full sort, the same bits in any chunk, and no probability from what is no number."""

import numpy as np
import pytest

from models.retrieval import exact_kernel

WIDTH, K = 12, 20


def asked(queries, items, seed=0):
    rng = np.random.default_rng(seed)
    arrays = rng.normal(size=(queries, WIDTH)), rng.normal(size=(WIDTH, items)), rng.normal(size=items)
    current = rng.integers(-1, items, queries)
    return *(array.astype(np.float32) for array in arrays), current


def top(queries, columns, bias, current, k=K):
    items = np.full((len(queries), k), 7, dtype=np.int32)
    scores = np.full((len(queries), k), 7, dtype=np.float32)
    exact_kernel.top(queries, columns, bias, current, items, scores)
    return items, scores


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


def test_uncompiled_functions_give_the_same_bits(monkeypatch):
    question = asked(3, 40)
    compiled = top(*question)
    for name in ("top", "_logits", "_answer", "_best", "_softmax_sum", "_sum_of_products"):
        monkeypatch.setattr(exact_kernel, name, getattr(exact_kernel, name).py_func)
    for one, other in zip(top(*question), compiled, strict=True):
        np.testing.assert_array_equal(one, other)
