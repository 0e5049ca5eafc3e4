"""Audience expressions: whom an action may be offered to, evaluated over a whole chunk at once.

`orders >= 2 and stage == "cart" and not session_risk > 0.3`. An expression is parsed by Python's `ast` and
compiled to functions over columns; nothing is evaluated as Python. Comparisons (chained ones too), `in`,
`and`, `or`, `not`, `+ - * /`, `known(name)`, names of `audience_names`, and segments that stand before it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.constraints import expressions
from models.errors import PathcastError

#: Columns of a chunk by name: float64 [n] for numbers (NaN: missing), str objects [n] for words.
Columns = Mapping[str, NDArray[Any]]
#: Most parts of an expression, its segments' included.
MAX_PARTS: Final = 200


class AudienceError(PathcastError):
    """An expression cannot be used."""


class Audience(NamedTuple):
    """A compiled expression; `names` are the columns that it reads."""

    text: str
    names: frozenset[str]
    test: Callable[[Columns], NDArray[np.bool_]]
    parts: int

    def holds(self, columns: Columns, size: int) -> NDArray[np.bool_]:
        """Whether it holds for each of the `size` clicks."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(self.test(columns), size)


def compile_audience(text: str, segments: Mapping[str, Audience] | None = None) -> Audience:
    """Compile an expression. Raises AudienceError, which says the column and what was expected."""
    known = {name: (one.names, one.test, one.parts) for name, one in (segments or {}).items()}
    try:
        made = expressions.compiled(text, known)
    except expressions.ExpressionError as error:
        raise AudienceError(f"{text!r}, column {error.column}: {error}") from error
    if made.parts > MAX_PARTS:
        raise AudienceError(f"{text!r}: found {made.parts} parts; expected at most {MAX_PARTS}; shorten it")
    return Audience(text, made.names, made.function, made.parts)


def compile_segments(segments: Mapping[str, str]) -> dict[str, Audience]:
    """Compile the segments of a file in order; each may name those before it. Raises AudienceError."""
    made: dict[str, Audience] = {}
    for name, text in segments.items():
        made[name] = compile_audience(text, made)
    return made
