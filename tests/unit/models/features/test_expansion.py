"""Functions of one expression become trees."""

import ast
from collections.abc import Callable

import pytest

from models.features.expansion import Expander, FeatureError

LIMIT = 3
KNOWN = {"a": 1}


def _capped(value: int) -> int:
    """The value, or the limit."""
    return value if value < LIMIT else LIMIT


def _two_statements(value: int) -> int:
    more = value + 1
    return more * LIMIT


def expanded(function: Callable[..., object], *reserved: str) -> tuple[str, dict[str, object]]:
    expander = Expander(reserved)
    return ast.unparse(expander.expand(function, ast.Name("given", ast.Load()))), expander.names


def test_parameters_constants_and_calls_of_the_file_are_replaced() -> None:
    text, names = expanded(lambda value: _capped(value.size) + LIMIT)
    assert text == "(given.size if given.size < 3 else 3) + 3"
    assert names == {}


def test_other_names_stay_with_the_objects_that_they_mean() -> None:
    text, names = expanded(lambda value: len(KNOWN) + _two_statements(value))
    assert text == "len(KNOWN) + _two_statements(given)"
    assert names == {"len": len, "KNOWN": KNOWN, "_two_statements": _two_statements}


def test_reserved_names_and_those_of_other_objects_are_not_taken() -> None:
    assert expanded(lambda value: KNOWN[value], "KNOWN") == ("KNOWN_[given]", {"KNOWN_": KNOWN})
    expander = Expander(())
    expander.names["KNOWN"] = "another"
    assert ast.unparse(expander.expand(lambda: KNOWN)) == "KNOWN_"


def test_a_function_of_several_statements_is_refused() -> None:
    with pytest.raises(
        FeatureError, match=r"test_expansion\.py:\d+ has several statements, expected one return"
    ):
        expanded(_two_statements)


def test_functions_that_share_a_line_are_refused() -> None:
    both = (lambda value: value, lambda value: -value)
    with pytest.raises(FeatureError, match=r"begins 2 functions, expected one: give each a line of its own"):
        expanded(both[0])
