"""Fused features equal the functions that they are fused from, and their trees say what they read."""

import math
import struct
import traceback

from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract.events import EVENTS, Click
from models.features import features
from models.features.fusing import SHARED, Expressions, fused, unfused
from models.state.codes import WIDTH
from models.state.event_counts import COUNTERS
from models.state.facts import ClickStatus, Facts
from models.state.summary import Summary
from models.state.traits import Traits
from models.state.visitor import MAX_AMOUNT, MAX_COUNT, Visitor

COUNTS = st.lists(st.integers(0, MAX_COUNT), min_size=COUNTERS, max_size=COUNTERS)
AMOUNTS, TIMES = st.integers(0, MAX_AMOUNT), st.sampled_from([0, 1, 1_600_000_000_000, 1_700_000_000_123])
HASHES, TEXTS = st.sampled_from([0, 7, 2**32 - 1]), st.sampled_from([None, "", "hats", "Red Shoes", "İ"])
LIKED = st.dictionaries(HASHES, AMOUNTS, max_size=8)
NUMBERS = st.none() | st.floats(0, 1e308)

TRAITS = st.builds(
    Traits, age=AMOUNTS, age_ts=TIMES, gender=AMOUNTS, gender_ts=TIMES, region=AMOUNTS, interests=LIKED
)
PAST = {
    "sessions": st.integers(0, MAX_COUNT),
    "orders": st.integers(0, MAX_COUNT),
    "total_spend": AMOUNTS,
    "purchase_ts": TIMES,
    "totals": COUNTS,
    "categories": LIKED,
    "price_weight": AMOUNTS,
    "price_sum": AMOUNTS,
    "profile_day": st.integers(0, 60),
}
SUMMARIES = st.builds(Summary, **PAST, traits=st.none() | TRAITS)
VISITORS = st.builds(
    Visitor,
    **PAST,
    last_ts=TIMES,
    start_ts=TIMES,
    counts=COUNTS,
    cart_ts=TIMES,
    checkout_ts=TIMES,
    previous_end=TIMES,
    cart=st.binary(max_size=5 * WIDTH),
    rating_sum=AMOUNTS,
    rating_count=st.integers(0, 9),
    others=st.none() | SUMMARIES,
    declared=st.none() | TRAITS,
    given=st.none() | TRAITS,
)
CLICKS = st.builds(
    Click,
    event_id=st.just("e"),
    visitor_id=st.just("v"),
    ts=TIMES,
    event=st.sampled_from(EVENTS),
    price=NUMBERS,
    rating=NUMBERS,
    query=TEXTS,
    brand=TEXTS,
    device=TEXTS,
    flags=st.integers(0, 255),
)
CODES = st.builds(
    lambda category, price: bytes(8) + category.to_bytes(4, "little") + bytes([1, 0, price, 0]),
    HASHES,
    st.integers(0, 30),
)
FACTS = st.builds(
    Facts, st.just(ClickStatus.APPLIED), st.just([]), CODES, position=st.integers(1, 99), dwell_ms=AMOUNTS
)

plain_row = unfused([feature.function for feature in features.PACKED], features.PACK)


@settings(max_examples=500, deadline=None)
@given(VISITORS, CLICKS, FACTS)
def test_the_fused_row_is_the_functions_row_bit_for_bit(visitor: Visitor, click: Click, facts: Facts) -> None:
    assert features.row(visitor, click, facts) == plain_row(visitor, click, facts)


def packed(*values: object) -> bytes:
    *numbers, code = values
    return struct.pack(f"<{len(numbers)}d", *numbers) + code


def some_inputs() -> tuple[Visitor, Click, Facts]:
    visitor = Visitor(last_ts=5000, start_ts=2000)
    return (
        visitor,
        Click(event_id="e", visitor_id="v", ts=5000, event="view_item"),
        Facts(ClickStatus.APPLIED, [], bytes(16), position=3),
    )


def _twice(value: float) -> float:
    return value + value


def _doubled(function: object) -> object:
    return lambda at: _twice(function(at))


def test_calls_closures_and_comprehensions_are_fused() -> None:
    functions = [
        _doubled(lambda at: at.facts.position),
        lambda at: sum(number * at.facts.position for number in range(3)),
        lambda at: _twice(at.now - at.visitor.start_ts),
        lambda at: math.nan,
    ]
    row = fused(functions, packed)
    assert row(*some_inputs()) == unfused(functions, packed)(*some_inputs())
    assert struct.unpack("<3d", row(*some_inputs())[:24]) == (6, 9, 6000)
    called = set(row.__code__.co_names)
    assert not called & {"function", "_twice", "_doubled"}


def test_a_traceback_shows_the_line_of_the_feature_that_failed() -> None:
    functions = [
        lambda at: at.facts.position,
        lambda at: at.facts.position / at.visitor.cart_items,
    ]
    try:
        fused(functions, packed)(*some_inputs())
    except ZeroDivisionError as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
    assert (last.filename, last.lineno) == (__file__, functions[1].__code__.co_firstlineno)


def test_each_shared_value_is_assigned_after_those_that_it_reads() -> None:
    expressions = Expressions()
    tree = expressions.tree(lambda at: at.traits.age + at.liking + at.price_bucket)
    order = list(expressions.shared(tree))
    assert {"traits", "liking", "price_bucket", "past", "only_declared", "category_and_price"} == set(order)
    assert order.index("past") < order.index("liking")
    assert order.index("only_declared") < order.index("traits")
    assert order.index("category_and_price") < order.index("price_bucket")


def test_a_field_of_the_past_is_read_from_the_visitor_and_from_other_devices() -> None:
    expressions = Expressions()
    read = {name: set(expressions.reads(expressions.tree(function))) for name, function in SHARED.items()}
    assert read["totals"] == {"visitor.others", "visitor.totals"}
    assert read["traits"] == {"visitor.declared", "visitor.given", "visitor.others"}
    assert read["price_bucket"] == {"facts.code"}
