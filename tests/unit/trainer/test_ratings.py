"""Neighbourhood collaborative filtering on made ratings: two tastes that averages cannot tell apart."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from models.nested import divided, united
from trainer.baselines import BaselineError
from trainer.baselines.ratings import Ratings, expected, learn

VISITORS, ITEMS = 60, 20


def made() -> tuple[Ratings, Ratings]:
    """Half of the visitors like the even items, the others the odd ones; some ratings are held out."""
    random = np.random.default_rng(0)
    visitor, item = (pair.ravel() for pair in np.meshgrid(np.arange(VISITORS), np.arange(ITEMS)))
    value = np.where((visitor + item) % 2 == 0, 4.5, 1.5) + random.normal(0, 0.3, len(item))
    held = random.random(len(item)) < 0.3
    return tuple(Ratings(visitor[part], item[part], value[part]) for part in (~held, held))


def test_neighbours_know_what_averages_do_not() -> None:
    given, later = made()
    state = learn(given, VISITORS, ITEMS)
    found = expected(state, later.visitor, later.item)
    averages = state["mean"] + state["items"][later.item] + state["visitors"][later.visitor]
    assert np.sqrt(((found - later.value) ** 2).mean()) < 0.5
    assert np.sqrt(((averages - later.value) ** 2).mean()) > 1.2
    assert found.dtype == np.float32


def test_the_unknown_gets_averages() -> None:
    given, _ = made()
    state = learn(given, VISITORS, ITEMS)
    found = expected(state, np.array([-1, -1, 3]), np.array([-1, 4, -1]))
    averages = [0, state["items"][4], state["visitors"][3]]
    np.testing.assert_allclose(found, state["mean"] + np.array(averages), rtol=1e-6)
    assert expected(state, np.zeros(0, dtype=int), np.zeros(0, dtype=int)).shape == (0,)


def test_what_is_kept_says_the_same_and_the_last_rating_counts() -> None:
    given, later = made()
    twice = Ratings(*(np.concatenate([column, column]) for column in given))
    twice.value[: len(given.value)] = 1.0
    state = learn(twice, VISITORS, ITEMS)
    plain, arrays = divided(state)
    again = united(json.loads(json.dumps(plain)), load(save(arrays)))
    found = expected(state, later.visitor, later.item)
    np.testing.assert_array_equal(found, expected(again, later.visitor, later.item))
    np.testing.assert_array_equal(found, expected(learn(given, VISITORS, ITEMS), later.visitor, later.item))


def test_no_ratings_and_no_numbers_are_refused() -> None:
    given, _ = made()
    with pytest.raises(BaselineError, match="there is no rating"):
        learn(Ratings(*(column[:0] for column in given)), VISITORS, ITEMS)
    with pytest.raises(BaselineError, match=r"ratings hold nan at \(0,\)"):
        learn(given._replace(value=given.value * np.nan), VISITORS, ITEMS)
