"""Functions of one expression as syntax trees, in which calls of such functions are expanded."""

import ast
import builtins
import inspect
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import cache
from types import FunctionType
from typing import Any, Final

from models.errors import PathcastError

_CONSTANTS: Final = (int, float, str, type(None))
_Definition = ast.Lambda | ast.FunctionDef


class FeatureError(PathcastError):
    """A feature that is not one expression."""


class Expander:
    """Expands functions; `names` are the objects that the expanded trees refer to, none by a `reserved` name.

    Arguments replace parameters, values replace the names of numbers and texts, and a call of a function of
    the same file is expanded in turn. An argument may so be evaluated several times, or never: expressions
    must have no side effects.
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        self.names: dict[str, Any] = {}
        self._reserved = frozenset(reserved)

    def expand(self, function: Callable[..., Any], *arguments: ast.expr) -> ast.expr:
        """The function's expression for these arguments.

        Raises FeatureError where the function has several statements, or shares its line with another one.
        """
        assert isinstance(function, FunctionType)
        body = _returned(function)
        if body is None:
            raise FeatureError(
                f"{_place(function)} has several statements, expected one return of an expression: "
                "move the others into a function that it calls"
            )
        given = dict(zip(inspect.signature(function).parameters, arguments, strict=True))
        expanded: ast.expr = _Body(self, function, given).visit(deepcopy(body))
        return expanded

    def refer(self, name: str, value: object) -> str:
        """The name by which trees refer to the value."""
        while name in self._reserved or self.names.setdefault(name, value) is not value:
            name += "_"
        return name


class _Body(ast.NodeTransformer):
    """Rewrites the body of one function."""

    def __init__(self, expander: Expander, function: FunctionType, given: dict[str, ast.expr]) -> None:
        self._expander, self._function, self._given = expander, function, given
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        closure = {name: cell.cell_contents for name, cell in cells}
        self._known = vars(builtins) | function.__globals__ | closure

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._given:
            return deepcopy(self._given[node.id])
        # The variables of a comprehension are not known outside of it.
        if node.id not in self._known:
            return node
        value = self._known[node.id]
        if isinstance(value, _CONSTANTS):
            return ast.copy_location(ast.Constant(value), node)
        return ast.copy_location(ast.Name(self._expander.refer(node.id, value), ast.Load()), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        callee = self._known.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if isinstance(callee, FunctionType) and self._expandable(callee):
            return self._expander.expand(callee, *(self.visit(argument) for argument in node.args))
        return self.generic_visit(node)

    def _expandable(self, callee: FunctionType) -> bool:
        same_file = callee.__code__.co_filename == self._function.__code__.co_filename
        return same_file and _returned(callee) is not None


def _place(function: FunctionType) -> str:
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"


def _returned(function: FunctionType) -> ast.expr | None:
    """The expression of a lambda, or of a function that only returns one; None for any other function."""
    definition = _definition(function)
    if isinstance(definition, ast.Lambda):
        return definition.body
    body = definition.body[1:] if ast.get_docstring(definition) else definition.body
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None


def _definition(function: FunctionType) -> _Definition:
    found = _definitions(function.__code__.co_filename).get(function.__code__.co_firstlineno, [])
    if len(found) != 1:
        raise FeatureError(
            f"{_place(function)} begins {len(found)} functions, expected one: give each a line of its own"
        )
    return found[0]


@cache
def _definitions(path: str) -> dict[int, list[_Definition]]:
    """Functions of a file by their first line, which is a decorator's where there is one."""
    found: dict[int, list[_Definition]] = {}
    with open(path, encoding="utf-8") as file:
        nodes = list(ast.walk(ast.parse(file.read())))
    for node in nodes:
        if isinstance(node, ast.Lambda):
            found.setdefault(node.lineno, []).append(node)
        elif isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found.setdefault(first, []).append(node)
    return found
