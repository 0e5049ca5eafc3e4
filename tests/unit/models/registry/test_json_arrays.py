"""Dictionaries with arrays, divided for the disk and united again."""

import numpy as np
import pytest

from models.registry.json_arrays import join_arrays, split_arrays


def test_united_is_what_was_divided() -> None:
    value = {"a": 1, "b": {"c": np.arange(3), "d": {}, "e": {"f": "text", "g": np.zeros((2, 2))}}}
    plain, arrays = split_arrays(value)
    assert plain == {"a": 1, "b": {"d": {}, "e": {"f": "text"}}}
    assert set(arrays) == {"b/c", "b/e/g"}
    again = join_arrays(plain, arrays)
    assert again["b"]["d"] == {}
    np.testing.assert_array_equal(again["b"]["e"]["g"], value["b"]["e"]["g"])


def test_an_array_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="array 'b/c' has no place; expected an object at 'b'"):
        join_arrays({"b": 3}, {"b/c": np.zeros(1)})
