"""Flat arrays: both ways to find what is distinct say what numpy says."""

import numpy as np
import pytest

from models.state.segments import SPARSE, distinct, expand, strongest


@pytest.mark.parametrize("span", [50, 50 * SPARSE, 1_000_000])
@pytest.mark.parametrize("count", [0, 1, 400])
def test_distinct_is_what_unique_says(span: int, count: int) -> None:
    chance = np.random.default_rng(span + count)
    keys, values = chance.integers(0, span, count), chance.normal(size=count)
    found = distinct(keys, span)
    unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    assert np.array_equal(found.keys, unique)
    assert np.array_equal(found.first, first)
    assert np.array_equal(found.inverse, inverse)
    assert np.allclose(found.sums(values), np.bincount(inverse, values, minlength=len(unique)))


def test_the_strongest_of_each_group_come_best_first() -> None:
    assert strongest(np.array([1, 0, 1, 1]), np.array([0.1, 9, 0.3, 0.2]), 2).tolist() == [1, 2, 3]


def test_ranges_are_expanded_with_the_number_of_each() -> None:
    source, at = expand(np.array([3, 7, 7]), np.array([5, 7, 9]))
    assert source.tolist() == [0, 0, 2, 2]
    assert at.tolist() == [3, 4, 7, 8]
