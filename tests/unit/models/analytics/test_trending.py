"""Trends are what outgrows the traffic, beyond what a sketch's error could make."""

from models.analytics.analytics_records import Sketch
from models.analytics.trending import trending


def sketch(error=0, **weights):
    return Sketch({name: (weight, 0) for name, weight in weights.items()}, error, sum(weights.values()), 0)


def test_what_grows_with_the_traffic_is_no_trend():
    assert trending(sketch(a=200, b=20), sketch(a=100, b=10), 5) == []


def test_what_outgrows_it_comes_first_by_its_score():
    found = trending(sketch(a=100, b=90, c=30), sketch(a=100, b=10, c=10), 5)
    assert [one.key for one in found] == ["b", "c"]
    assert (found[0].now, found[0].before, found[0].expected) == (90, 10, 220 / 12)


def test_an_error_of_the_sketch_makes_no_trend():
    assert [one.key for one in trending(sketch(new=8, a=100), sketch(a=108), 5)] == ["new"]
    assert trending(sketch(new=8, a=100), sketch(8, a=108), 5) == []


def test_everything_is_new_where_there_was_nothing_before():
    assert [one.key for one in trending(sketch(a=2, b=9), Sketch(), 1)] == ["b"]
