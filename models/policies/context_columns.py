"""Context columns of learned policies: numbers and words of a table, or fields of a live decision's context.

A context is a row of float64, one number a column: a number as it is (NaN where it is missing), a word as its
position among the column's known words, and one position further for any other word.
"""

import struct
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import Context
from models.policies.policy_errors import LearnedPolicyError

Floats = NDArray[np.float64]

#: Columns that every live context has; they take no place in `Context.vector`.
BASE: Final = ("purchase_probability", "stage", "cart_value", "event", "click", "session_risk")
#: Base columns that are words.
BASE_WORDS: Final = ("stage", "event")
#: `hidden:N` is the N-th number of the encoder's state of the session.
HIDDEN: Final = "hidden:"


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column; `words` are the known words of a column of words, None for numbers.

    A number is standardised by `mean` and `scale`. A missing one counts as the mean; where training had
    missing ones (`missing`), an indicator of its own tells them.
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    missing: bool = False
    words: tuple[str, ...] | None = None

    @property
    def width(self) -> int:
        """Numbers that the column becomes (`models.policies.input_expansion`)."""
        return 1 + self.missing if self.words is None else len(self.words) + 1


def inputs_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """The columns that a live context has in its vector (`Policy.inputs`)."""
    return tuple(column.name for column in columns if column.name not in BASE)


def encode_table(columns: Sequence[Column], table: Mapping[str, Any]) -> Floats:
    """Contexts `[n, d]` of a table's columns by name (sequences of one length).

    Raises LearnedPolicyError for a column that is not there, and for a word in a column of numbers.
    """
    missing = [column.name for column in columns if column.name not in table]
    if missing:
        raise LearnedPolicyError(
            f"the table has no columns {missing}, which the policy decides from; "
            f"it has {sorted(table)}; rename them by --map"
        )
    if not columns:
        return np.zeros((len(next(iter(table.values()), ())), 0))
    rows = [_encoded(column, table[column.name]) for column in columns]
    return np.ascontiguousarray(np.array(rows, dtype=np.float64).reshape(len(columns), -1).T)


def _encoded(column: Column, values: Any) -> Floats:
    if column.words is not None:
        codes: dict[str | None, int] = {word: code for code, word in enumerate(column.words)}
        return np.array([codes.get(_word(value), len(codes)) for value in values], dtype=np.float64)
    try:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LearnedPolicyError(
            f"column {column.name}: {error}; the policy was trained with numbers there; correct the values"
        ) from error


def _word(value: object) -> str | None:
    """A whole number is the word that `COLUMN:word` makes of it, so 3.0 is `3`; None: unknown."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value)


class ContextReader:
    """Reads a policy's columns from live contexts; what it reads is what decisions are published with."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._width = len(columns)
        self._inputs = len(inputs_of(columns))
        # A third of the time of numpy's conversion of lists.
        self._pack = struct.Struct(f"{self._inputs}d").pack
        places = range(len(columns))
        self._vector = np.array([at for at in places if columns[at].name not in BASE], dtype=np.intp)
        self._base = [(at, columns[at]) for at in places if columns[at].name in BASE]
        self._codes = {at: _word_codes(column) for at, column in self._base if column.words is not None}

    def read(self, contexts: Sequence[Context]) -> Floats:
        """Contexts `[n, d]`. Raises ValueError for a vector of another length than the policy's inputs."""
        rows = np.empty((len(contexts), self._width))
        if self._inputs and contexts:
            rows[:, self._vector] = self._vectors(contexts)
        for at, column in self._base:
            rows[:, at] = self._values(contexts, at, column.name)
        return rows

    def _vectors(self, contexts: Sequence[Context]) -> Floats:
        pack = self._pack
        try:
            packed = b"".join([pack(*context.vector or ()) for context in contexts])
        except struct.error as error:
            raise ValueError(f"a context's vector is not {self._inputs} numbers ({error})") from error
        return np.frombuffer(packed).reshape(len(contexts), self._inputs)

    def _values(self, contexts: Sequence[Context], at: int, name: str) -> list[float]:
        if name in BASE_WORDS:
            codes = self._codes[at]
            other = float(len(codes))
            return [codes.get(word, other) for word in map(attrgetter(name), contexts)]
        if name == "cart_value":
            return [context.cart_milli / 1000 for context in contexts]
        # None becomes NaN.
        return list(map(attrgetter(name), contexts))


def _word_codes(column: Column) -> dict[str, float]:
    return {word: float(code) for code, word in enumerate(column.words or ())}


def check_columns(columns: Sequence[Column]) -> None:
    """Raises LearnedPolicyError for a name twice, a scale that is not above 0, or wrong kinds of values."""
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LearnedPolicyError(f"columns {twice} occur twice; train the policy again")
    for column in columns:
        if not (np.isfinite(column.mean) and np.isfinite(column.scale) and column.scale > 0):
            raise LearnedPolicyError(
                f"column {column.name}: mean {column.mean}, scale {column.scale}; expected finite numbers "
                "and a scale above 0; train the policy again"
            )
        if column.name in BASE and (column.name in BASE_WORDS) != (column.words is not None):
            raise LearnedPolicyError(
                f"column {column.name}: found {'words' if column.words is not None else 'numbers'}; a live "
                "context has the other there; train the policy with another column"
            )
