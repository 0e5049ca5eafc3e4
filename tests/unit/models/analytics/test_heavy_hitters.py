"""The sketch keeps its bounds: whatever the order, the batches, what is taken back and how sketches merge."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.analytics.analytics_records import Sketch
from models.analytics.heavy_hitters import merged_sketches, rest, updated

KEYS = st.sampled_from("abcdefghij")
#: Batches of sessions: path, and whether it ended in a purchase.
BATCHES = st.lists(st.lists(st.tuples(KEYS, st.booleans()), max_size=30), max_size=8)


def weights(batch):
    found = {}
    for key, bought in batch:
        before = found.get(key, (0, 0))
        found[key] = before[0] + 1, before[1] + bought
    return found


def sketch_of(batches, most=4):
    made = Sketch()
    for batch in batches:
        made = updated(made, weights(batch), most)
    return made


def assert_bounds(sketch, sessions):
    true = Counter(key for key, _ in sessions)
    bought = Counter(key for key, sold in sessions if sold)
    for key in set(true) | set(sketch.counts):
        weight, of_it = sketch.counts.get(key, (0, 0))
        assert weight <= true[key] <= weight + sketch.error
        assert of_it <= bought[key] <= of_it + sketch.error
    assert (sketch.total, sketch.bought) == (sum(true.values()), sum(bought.values()))
    assert all(part >= 0 for part in rest(sketch))


@given(BATCHES)
def test_counts_are_within_the_error_and_the_error_within_its_bound(batches):
    sketch = sketch_of(batches)
    sessions = [one for batch in batches for one in batch]
    assert len(sketch.counts) <= 4
    assert sketch.error <= len(sessions) / 5
    assert_bounds(sketch, sessions)


@given(BATCHES, st.randoms())
def test_what_is_taken_back_keeps_the_bounds(batches, random):
    sessions = [one for batch in batches for one in batch]
    back = [one for one in sessions if random.random() < 0.3]
    sketch = updated(
        sketch_of(batches), {key: (-n, -sold) for key, (n, sold) in weights(back).items()}, most=4
    )
    left = Counter(sessions) - Counter(back)
    assert_bounds(sketch, list(left.elements()))


@given(BATCHES, BATCHES)
def test_merged_sketches_keep_the_bounds_of_both(one, other):
    made = merged_sketches([sketch_of(one), sketch_of(other)])
    assert_bounds(made, [session for batch in (*one, *other) for session in batch])


@given(BATCHES)
def test_few_keys_are_counted_exactly(batches):
    sketch = sketch_of(batches, most=10)
    assert (sketch.error, rest(sketch)) == (0, (0, 0))
    assert sketch.counts == weights([one for batch in batches for one in batch])
