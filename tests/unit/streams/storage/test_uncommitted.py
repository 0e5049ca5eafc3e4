"""Reads over changes that are not committed yet, against a store to which everything was written."""

import random

import pytest
import rocksdict

from streams.storage.partition_store import PartitionStore, Persisted, database_options
from streams.storage.uncommitted import UncommittedState

HERE = Persisted(1, "changelog-1", 1)


def opened(path):
    return PartitionStore(rocksdict.Rdict(str(path), options=database_options(rocksdict.Cache(8 << 20))))


@pytest.fixture
def stores(tmp_path):
    found = opened(tmp_path / "one"), opened(tmp_path / "other")
    yield found
    for store in found:
        store.close()


def changes(draw, number):
    """Puts and deletes under two prefixes."""
    keys = [draw.choice([b"a", b"b"]) + b"%d" % draw.randrange(12) for _ in range(draw.randrange(8))]
    return [(key, draw.choice([None, b"%d" % number])) for key in keys]


def reads(state):
    keys = [prefix + b"%d" % number for prefix in (b"a", b"b") for number in range(12)]
    scans = [list(state.scan(prefix, start)) for prefix in (b"a", b"b") for start in (b"", prefix + b"3")]
    return state.get(keys), scans


@pytest.mark.parametrize("seed", range(20))
def test_reads_are_those_of_a_store_with_all_changes(stores, seed):
    draw, (store, plain) = random.Random(seed), stores
    state, waiting = UncommittedState(store), 0
    for number in range(30):
        made = changes(draw, number)
        state.add(made)
        waiting += 1
        plain.write(made, HERE)
        assert reads(state) == reads(plain)
        if draw.random() < 0.5:
            layers = draw.randint(1, waiting)
            before = [dict(layer) for layer in list(state._layers)[:layers]]
            state.settle(layers, {key: value for one in before for key, value in one.items()}, HERE)
            waiting -= layers
            assert reads(state) == reads(plain)


def test_the_store_has_only_what_is_settled(stores):
    state = UncommittedState(stores[0])
    state.add([(b"k", b"1")])
    state.add([(b"k", b"2"), (b"gone", None)])
    assert (state.get([b"k"]), stores[0].get([b"k"])) == ([b"2"], [None])
    assert state.latest(2) == {b"k": b"2", b"gone": None}
    assert state.latest(1) == {b"k": b"2", b"gone": None}
    state.settle(1, {b"k": b"1"}, HERE)
    assert (state.get([b"k"]), stores[0].get([b"k"]), stores[0].persisted()) == ([b"2"], [b"1"], HERE)
