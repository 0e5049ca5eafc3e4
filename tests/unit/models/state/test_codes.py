"""Codes, packed records and the profile: the small parts of the state."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.state import codes, profile
from models.state.packed import find, has
from models.state.visitor import Visitor


def test_a_code_is_16_bytes_without_padding():
    assert codes.CODE.itemsize == 16
    assert [codes.CODE.fields[name][1] for name in codes.CODE.names] == [0, 8, 12, 13, 14, 15]


def test_nothing_hashes_to_zero_and_only_nothing():
    assert codes.identity(None, None) == (bytes(8), 0)
    assert codes.identity("", "").item != codes.NO_ITEM
    assert codes.item_hash("shoe") != codes.item_hash("shoes") != 0
    assert 0 < codes.category_hash("Shoes") < 1 << 32
    code = codes.unpack(codes.pack(*codes.identity("shoe", "Shoes"), 1, 2, 3, 4))[0]
    assert code.tolist() == (codes.item_hash("shoe"), codes.category_hash("Shoes"), 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("ms", "bucket"), [(0, 1), (127, 1), (128, 2), (1000, 4), (60_000, 10), (1_048_575, 14), (1 << 40, 15)]
)
def test_dwell_buckets_double(ms, bucket):
    assert codes.dwell_bucket(ms) == bucket


@pytest.mark.parametrize(
    ("price", "bucket"),
    [
        (None, 0),
        (0, 1),
        (0.24, 1),
        (0.25, 2),
        (0.5, 4),
        (0.75, 5),
        (1, 6),
        (1.5, 7),
        (2, 8),
        (4096, 30),
        (1e9, 31),
    ],
)
def test_price_buckets_are_two_an_octave(price, bucket):
    assert codes.price_bucket(price) == bucket


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_buckets_never_fall(a, b):
    low, high = sorted((a, b))
    assert codes.price_bucket(low) <= codes.price_bucket(high) < codes.PRICE_BUCKETS
    assert codes.dwell_bucket(int(low)) <= codes.dwell_bucket(int(high)) < codes.DWELL_BUCKETS


RECORDS = st.lists(st.binary(min_size=2, max_size=2).map(lambda b: bytes(x & 1 for x in b)), max_size=12)


@given(RECORDS, st.sampled_from((b"\0\0", b"\0\1", b"\1\0", b"\1\1")))
def test_find_sees_whole_records_only(records, key):
    expected = records.index(key) * 2 if key in records else -1
    assert find(b"".join(records), key, 2) == expected
    assert has(b"".join(records), key, 2) == (key in records)


category = codes.category_hash


def test_the_profile_prefers_what_was_wanted_more():
    visitor = Visitor()
    profile.count_taste(visitor, profile.EVENT_CODES["view_item"], category("hats"), 0)
    profile.count_taste(visitor, profile.EVENT_CODES["purchase"], category("shoes"), 10)
    profile.count_taste(visitor, profile.EVENT_CODES["login"], category("none"), 31)
    assert visitor.categories == {
        category("hats"): 256,
        category("shoes"): 2048,
    }
    assert (visitor.price_weight, visitor.price_sum) == (2048, 20_480)


def test_a_ninth_category_takes_over_the_smallest_weight():
    visitor, view = Visitor(), profile.EVENT_CODES["view_item"]
    for number in range(8):
        for _ in range(1 + (number != 5)):
            profile.count_taste(visitor, view, category(f"c{number}"), 0)
    profile.count_taste(visitor, view, category("new"), 0)
    kept = visitor.categories
    assert len(kept) == 8
    assert category("c5") not in kept
    assert kept[category("new")] == 512


def test_a_profile_halves_in_30_days_and_is_gone_in_two_years():
    visitor, day = Visitor(), 86_400_000
    profile.fade(visitor, 20_000 * day)
    profile.count_taste(visitor, profile.EVENT_CODES["purchase"], category("shoes"), 10)
    profile.fade(visitor, 20_000 * day + day - 1)
    assert visitor.categories[category("shoes")] == 2048
    profile.fade(visitor, 20_030 * day)
    assert visitor.categories[category("shoes")] == 1024
    assert (visitor.price_sum, visitor.price_weight) == (10_240, 1024)
    profile.fade(visitor, 20_031 * day)
    assert math.isclose(visitor.categories[category("shoes")], 1024 * 0.5 ** (1 / 30), abs_tol=1)
    profile.fade(visitor, 20_800 * day)
    assert visitor.categories == {}
    assert visitor.price_weight == 0
