"""Audience expressions: what they mean, and that everything else is refused with its place."""

import random

import numpy as np
import pytest

from models.constraints.audience import AudienceError, compile_audience, compile_segments
from models.constraints.audience_names import FEATURES, HOURS
from models.features.features import PACKED

VALID = "orders > 1 and not stage == 'cart' or ( orders + 1 ) in [ 2 , 3 ]"
PIECES = "orders > 1 and stage == 'cart' ( ) not in [ ] + , ="
COLUMNS = {
    "orders": np.array([0.0, 2.0, 5.0, np.nan]),
    "cart_value": np.array([10.0, 20.0, 0.0, 40.0]),
    "cart_items": np.array([1.0, 2.0, 0.0, 4.0]),
    "session_risk": np.array([0.1, np.nan, 0.9, 0.5]),
    "hour": np.array([0.0, 9.0, 23.0, 12.0]),
    "stage": np.array(["cart", "browsing", "bought", "cart"], dtype=object),
    "event": np.array(["purchase", "search", "search", "login"], dtype=object),
    "device": np.array(["mobile", "", "desktop", "mobile"], dtype=object),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders >= 2", [0, 1, 1, 0]),
        ("not orders >= 2", [1, 0, 0, 1]),
        ("1 < orders <= 5", [0, 1, 1, 0]),
        ("orders != 2", [1, 0, 1, 0]),
        ("orders == 2 or session_risk > 0.4", [0, 1, 1, 1]),
        ("known(session_risk) and known(orders)", [1, 0, 1, 0]),
        ('stage == "cart"', [1, 0, 0, 1]),
        ('stage in ["cart", "bought"] and event not in ("login",)', [1, 0, 1, 0]),
        ('device != "mobile"', [0, 1, 1, 0]),
        ("cart_value / cart_items > 9", [1, 1, 0, 1]),
        ("-cart_value + 2 * cart_items < 0", [1, 1, 0, 1]),
        ("hour in (9, 12)", [0, 1, 0, 1]),
        ("True and 2 > 1", [1, 1, 1, 1]),
    ],
)
def test_an_expression_holds_where_it_says(text: str, expected: list[int]) -> None:
    assert compile_audience(text).holds(COLUMNS, 4).tolist() == [bool(one) for one in expected]


def test_only_the_columns_that_are_named_are_read() -> None:
    assert compile_audience('orders > 1 and stage == "cart"').names == {"orders", "stage"}


def test_a_segment_is_named_by_those_after_it() -> None:
    segments = compile_segments({"loyal": "orders >= 2", "at_risk": "loyal and session_risk > 0.5"})
    assert compile_audience("not at_risk", segments).holds(COLUMNS, 4).tolist() == [True, True, False, True]
    with pytest.raises(AudienceError, match="found the name 'later'"):
        compile_segments({"early": "later", "later": "orders > 1"})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("orders", ["column 1", "a number", "a comparison"]),
        ("stage == 'till'", ["column 10", "'till'", "browsing, cart"]),
        ("orders > 'many'", ["column 10", "a word", "a number"]),
        ("order > 1", ["column 1", "'order'", "orders"]),
        ("orders > 1 and nothing", ["column 16", "'nothing'"]),
        ("orders >", ["no expression", "column"]),
        ("stage > 'cart'", ["by order", "use == or in"]),
        ("orders in 3", ["a list of values"]),
        ("orders ** 2 > 1", ["`orders ** 2`", "remove it"]),
        ("__import__('os').system('true')", ["remove it"]),
        ("orders.__class__ == 1", ["remove it"]),
        ("(lambda: 1)() == 1", ["remove it"]),
        ("[x for x in (1,)] == 1", ["remove it"]),
        ("known(stage)", ["the name of a number"]),
        ("known(orders, orders)", ["remove it"]),
        ("orders > 1e20", ["a number below 1e15"]),
        ("orders > b'1'", ["a number below 1e15"]),
        (" and ".join(["orders > 1"] * 60), ["parts", "at most 200"]),
        ("(" * 300, ["column"]),
        ("orders > 1\x00", ["no expression"]),
    ],
)
def test_everything_else_is_refused_in_words(text: str, parts: list[str]) -> None:
    with pytest.raises(AudienceError) as failure:
        compile_audience(text)
    assert [part for part in parts if part not in str(failure.value)] == [], str(failure.value)


def test_depth_beyond_the_stack_is_an_audience_error() -> None:
    with pytest.raises(AudienceError, match=r"cannot be read .* shorten it"):
        compile_audience("-" * 490 + "1 > 0")


def test_the_deepest_expression_of_its_size_is_evaluated() -> None:
    assert compile_audience("not " * 122 + "True").holds(COLUMNS, 4).all()


def test_nothing_but_audience_errors_whatever_the_text() -> None:
    generator, fates = random.Random(3), {"compiled": 0, "refused": 0}
    for _ in range(2_000):
        parts = VALID.split()
        for _ in range(generator.randint(0, 2)):
            parts[generator.randrange(len(parts))] = generator.choice(PIECES.split())
        text = " ".join(parts)
        try:
            found = compile_audience(text)
            assert found.holds(COLUMNS, 4).shape == (4,)
            fates["compiled"] += 1
        except AudienceError:
            fates["refused"] += 1
    assert min(fates.values()) > 20, fates


def test_every_feature_that_can_be_named_exists() -> None:
    known = {feature.name for feature in PACKED}
    assert {*FEATURES, *HOURS.values()} <= known
