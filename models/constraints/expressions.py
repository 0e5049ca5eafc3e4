"""Compile an expression from its syntax tree to functions over columns, with the kinds of values checked."""

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.constraints.audience_names import NUMBERS, WORDS

Kind = Literal["number", "word", "truth"]
Function = Callable[[Mapping[str, NDArray[Any]]], Any]
#: A segment: the columns that it reads, its function, its parts.
Segments = Mapping[str, tuple[frozenset[str], Function, int]]

_ARITHMETIC: Final[dict[type, Callable[[Any, Any], Any]]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}
_ORDER: Final[dict[type, Callable[[Any, Any], Any]]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


class ExpressionError(ValueError):
    """What is wrong, and the column (from 1) at which it is."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


class Compiled(NamedTuple):
    """A part of an expression: the kind of its values, its function, the columns read, its size.

    `words`: the values that a word can have (none given: any); `constant`: a word that stands in the text.
    """

    kind: Kind
    function: Function
    names: frozenset[str] = frozenset()
    parts: int = 1
    words: tuple[str, ...] = ()
    constant: str | None = None


def compiled(text: str, segments: Segments) -> Compiled:
    """The whole expression, of kind `truth`. Raises ExpressionError."""
    try:
        return _Compiler(segments).of(ast.parse(text.strip(), mode="eval").body, "truth")
    except ExpressionError:
        raise
    except SyntaxError as error:
        raise ExpressionError(
            f"found no expression ({error.msg}); expected one such as `orders >= 2`; correct it",
            error.offset or 1,
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"cannot be read ({error}); shorten it", 1) from error


def _fail(node: ast.AST, found: str, expected: str, advice: str) -> ExpressionError:
    column = getattr(node, "col_offset", 0) + 1
    return ExpressionError(f"found {found}; expected {expected}; {advice}", column)


class _Compiler:
    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    def of(self, node: ast.expr, kind: Kind | None = None) -> Compiled:
        """A node's function; its values must be of `kind` where one is given."""
        made = self._node(node)
        if kind is not None and made.kind != kind:
            wanted = "a comparison, such as `orders >= 2`" if kind == "truth" else f"a {kind}"
            raise _fail(node, f"`{ast.unparse(node)}`, a {made.kind}", wanted, "compare or replace it")
        return made

    def _node(self, node: ast.expr) -> Compiled:
        match node:
            case ast.Constant(value=value):
                return _constant(node, value)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Compare(left=left, ops=ops, comparators=rest):
                sides = [left, *rest]
                return _joined(True, [self._compare(*one) for one in zip(sides, ops, rest, strict=False)])
            case ast.Call(func=ast.Name(id="known"), args=[ast.Name(id=name) as asked], keywords=[]):
                return _wrapped(self._known(asked, name), lambda values: ~np.isnan(values), "truth")
        return self._operation(node)

    def _operation(self, node: ast.expr) -> Compiled:
        match node:
            case ast.BoolOp(op=op, values=values):
                return _joined(isinstance(op, ast.And), [self.of(value, "truth") for value in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _wrapped(self.of(operand, "truth"), np.logical_not)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _wrapped(self.of(operand, "number"), np.negative)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                pair = self.of(left, "number"), self.of(right, "number")
                return _paired("number", *pair, _ARITHMETIC[type(op)])
        said = ast.unparse(node)[:40]
        expected = "comparisons, `in`, `and`, `or`, `not`, + - * /, `known(name)`"
        raise _fail(node, f"`{said}`", expected, "remove it")

    def _known(self, node: ast.expr, name: str) -> Compiled:
        if name not in NUMBERS:
            raise _fail(node, f"`known({name})`", "the name of a number", "correct the name")
        return self._name(node, name)

    def _name(self, node: ast.expr, name: str) -> Compiled:
        if name in NUMBERS:
            return Compiled("number", lambda columns: columns[name], frozenset([name]))
        if name in WORDS:
            return Compiled("word", lambda columns: columns[name], frozenset([name]), words=WORDS[name])
        if name in self._segments:
            names, function, parts = self._segments[name]
            return Compiled("truth", function, names, parts)
        choices = ", ".join(sorted({*NUMBERS, *WORDS, *self._segments}))
        raise _fail(node, f"the name {name!r}", f"one of {choices}", "correct the name")

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Compiled:
        if isinstance(op, ast.In | ast.NotIn):
            return self._within(left, right, isinstance(op, ast.NotIn))
        first = self.of(left)
        second = self.of(right, first.kind)
        if isinstance(op, ast.Eq | ast.NotEq):
            _check_words(right, first, second)
            return _paired("truth", first, second, _equal if isinstance(op, ast.Eq) else _unequal)
        if type(op) in _ORDER and first.kind == "number":
            return _paired("truth", first, second, _ORDER[type(op)])
        raise _fail(left, f"a {first.kind} in a comparison by order or identity", "a number", "use == or in")

    def _within(self, left: ast.expr, right: ast.expr, negated: bool) -> Compiled:
        first = self.of(left)
        if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
            raise _fail(right, f"`{ast.unparse(right)}`", "a list of values after `in`", "write it in [ ]")
        choices = [self.of(element, first.kind) for element in right.elts]
        for element, choice in zip(right.elts, choices, strict=True):
            _check_words(element, first, choice)
        made = _joined(False, [_paired("truth", first, choice, _equal) for choice in choices])
        return _wrapped(made, np.logical_not) if negated else made


def _constant(node: ast.expr, value: Any) -> Compiled:
    if isinstance(value, bool):
        return Compiled("truth", lambda _: np.bool_(value))
    if isinstance(value, int | float) and abs(value) < 1e15:
        number = float(value)
        return Compiled("number", lambda _: number)
    if isinstance(value, str):
        return Compiled("word", lambda _: value, constant=value)
    raise _fail(node, f"{value!r}"[:40], "a number below 1e15, a text, True or False", "replace it")


def _check_words(node: ast.expr, first: Compiled, second: Compiled) -> None:
    """A word of the text must be one that the other side can have."""
    for side, other in ((first, second), (second, first)):
        if side.words and other.constant is not None and other.constant not in side.words:
            raise _fail(node, f"{other.constant!r}", f"one of {', '.join(side.words)}", "correct the word")


def _equal(left: Any, right: Any) -> Any:
    return np.equal(left, right)


def _unequal(left: Any, right: Any) -> Any:
    """Does not hold where a number is missing."""
    numbers = not isinstance(right, str) and getattr(left, "dtype", None) == np.float64
    return (left < right) | (left > right) if numbers else np.not_equal(left, right)


def _wrapped(inner: Compiled, around: Callable[[Any], Any], kind: Kind | None = None) -> Compiled:
    function = inner.function
    return Compiled(
        kind or inner.kind, lambda columns: around(function(columns)), inner.names, inner.parts + 1
    )


def _paired(kind: Kind, left: Compiled, right: Compiled, joined: Callable[[Any, Any], Any]) -> Compiled:
    first, second = left.function, right.function
    return Compiled(
        kind,
        lambda columns: joined(first(columns), second(columns)),
        left.names | right.names,
        left.parts + right.parts + 1,
    )


def _joined(every: bool, parts: list[Compiled]) -> Compiled:
    """All of them hold, or any."""
    made = parts[0]
    for part in parts[1:]:
        made = _paired("truth", made, part, np.logical_and if every else np.logical_or)
    return made
