"""The fast way to the best k gives what sorting everything does, also where ties and gaps forbid it."""

import numpy as np
import pytest

from models.retrieval.exact import top_k

K = 20


def sorted_whole(scores):
    """Per row: the k highest above -inf, ties by column."""
    columns = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    values = np.take_along_axis(scores, columns, 1)
    items = np.where(np.isneginf(values), -1, columns)
    missing = ((0, 0), (0, K - items.shape[1]))
    return np.pad(items, missing, constant_values=-1), np.pad(np.where(items < 0, 0, values), missing)


@pytest.mark.parametrize("width", [3, 19, 20, 21, 100, 1000, 2560, 3000])
@pytest.mark.parametrize("kind", ["distinct", "half missing", "five left"])
def test_best_is_a_full_sort(width, kind):
    chance = np.random.default_rng(width)
    scores = chance.normal(size=(50, width)).astype(np.float32)
    if kind == "half missing":
        scores[:, chance.integers(0, width, max(1, width // 2))] = -np.inf
    if kind == "five left":
        scores[:, 5:] = -np.inf
    ranked = top_k(scores, K)
    items, values = sorted_whole(scores)
    assert np.array_equal(ranked.items, items)
    assert np.array_equal(ranked.scores, values)
    assert (ranked.items.dtype, ranked.scores.dtype) == (np.int32, np.float32)


def test_ties_go_to_the_lower_index_and_never_make_too_many():
    scores = np.repeat(np.arange(100, 0, -1, dtype=np.float32), 3)[None]
    ranked = top_k(scores, K)
    # Six triples and two of the seventh, whichever: within the k, equal scores are in order of the index.
    assert ranked.scores.tolist() == [[100 - place // 3 for place in range(K)]]
    assert ranked.items[0, :18].tolist() == list(range(18))
    assert set(ranked.items[0, 18:].tolist()) < {18, 19, 20}
