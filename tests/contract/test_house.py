"""The structure of the code stays within the limits of `tests.house`."""

import pytest

from tests.house import Figure, circles, figures, sources


@pytest.mark.parametrize("figure", figures(sources()), ids=lambda figure: figure.name)
def test_the_structure_is_within_its_limits(figure: Figure):
    assert figure.held, f"{figure.name}: {figure.value:g}, at most {figure.limit:g}: {figure.worst}"


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"]]
