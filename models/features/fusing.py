"""Features as syntax trees: what each reads, and all of them fused into one function.

A feature is a function of `FeatureInputs`. Sixty calls a click would cost more than the network, so one
function evaluates the expressions of all features, and holds each shared value in a local variable.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from models.contract.events import Click
from models.features.expansion import Expander
from models.features.feature_inputs import FeatureInputs
from models.state.facts import Facts
from models.state.visitor import Visitor

RowFunction = Callable[[Visitor, Click, Facts], bytes]

#: The records that features read, in the order of the row function's arguments.
RECORDS: Final = ("visitor", "click", "facts")
#: The functions of the shared values.
SHARED: Final[dict[str, Callable[[FeatureInputs], Any]]] = {
    name: value.fget
    for name, value in vars(FeatureInputs).items()
    if isinstance(value, property) and value.fget is not None
}
#: The name of the argument in expanded trees.
_INPUTS: Final = "inputs"


class Expressions:
    """Trees of functions of `FeatureInputs`; `names` are the objects that they refer to."""

    def __init__(self) -> None:
        self._expander = Expander((*RECORDS, *SHARED, _INPUTS, "pack", "row"))
        self.names = self._expander.names

    def tree(self, function: Callable[[FeatureInputs], Any]) -> ast.expr:
        """The function's expression over `inputs`. Raises FeatureError where it is not one expression."""
        return self._expander.expand(function, ast.Name(_INPUTS, ast.Load()))

    def shared(self, tree: ast.AST) -> dict[str, ast.expr]:
        """Trees of the shared values that a tree reads, each after those that it reads itself."""
        found: dict[str, ast.expr] = {}
        for name in map(_input, ast.walk(tree)):
            if name in SHARED and name not in found:
                value = self.tree(SHARED[name])
                found |= self.shared(value) | {name: value}
        return found

    def reads(self, tree: ast.AST) -> Iterator[str]:
        """Fields of the records that a tree reads, such as `click.price`; also through shared values."""
        if isinstance(tree, ast.Attribute):
            record = _input(tree.value)
            owners = self._wholes(self.tree(SHARED[record])) if record in SHARED else {record} & {*RECORDS}
            yield from (f"{owner}.{tree.attr}" for owner in owners)
        if _input(tree) in SHARED:
            yield from self.reads(self.tree(SHARED[_input(tree)]))
        for child in ast.iter_child_nodes(tree):
            yield from self.reads(child)

    def _wholes(self, tree: ast.expr) -> set[str]:
        """The records that a value may be, as a whole."""
        if isinstance(tree, ast.IfExp):
            return self._wholes(tree.body) | self._wholes(tree.orelse)
        return {_input(tree)} & {*RECORDS}


class _Locals(ast.NodeTransformer):
    """Attributes of `inputs` become local variables."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if name := _input(node):
            return ast.copy_location(ast.Name(name, ast.Load()), node)
        return self.generic_visit(node)


def fused(functions: Sequence[Callable[[FeatureInputs], float]], pack: Callable[..., bytes]) -> RowFunction:
    """`row(visitor, click, facts)`, which is `pack(*values, facts.code)` of the functions' values.

    Its lines are those of the features, so that a traceback names the one that failed.
    """
    expressions = Expressions()
    trees = [expressions.tree(function) for function in functions]
    shared = expressions.shared(ast.Tuple(trees, ast.Load()))
    module = ast.parse(f"def row({', '.join(RECORDS)}):\n return pack(facts.code)")
    row = module.body[0]
    assert isinstance(row, ast.FunctionDef)
    assert isinstance(row.body[0], ast.Return)
    packed = row.body[0].value
    assert isinstance(packed, ast.Call)
    packed.args[:0] = [_Locals().visit(tree) for tree in trees]
    row.body[:0] = [_assigned(name, _Locals().visit(value)) for name, value in shared.items()]
    return _compiled(module, functions[0].__code__.co_filename, expressions.names | {"pack": pack})


def unfused(functions: Sequence[Callable[[FeatureInputs], float]], pack: Callable[..., bytes]) -> RowFunction:
    """The same row by calling each function: what `fused` must equal bit for bit."""

    def row(visitor: Visitor, click: Click, facts: Facts) -> bytes:
        inputs = FeatureInputs(visitor, click, facts)
        return pack(*(function(inputs) for function in functions), facts.code)

    return row


def _input(node: ast.AST) -> str:
    """The attribute of `inputs` that a node is; empty for any other node."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == _INPUTS:
        return node.attr
    return ""


def _assigned(name: str, value: ast.expr) -> ast.Assign:
    """An assignment; its value comes from another file than the features, so its lines are taken away."""
    for node in ast.walk(value):
        for field in ("lineno", "end_lineno", "col_offset", "end_col_offset"):
            vars(node).pop(field, None)
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _compiled(module: ast.Module, path: str, names: dict[str, Any]) -> RowFunction:
    exec(compile(ast.fix_missing_locations(module), path, "exec"), names)
    row: RowFunction = names["row"]
    return row
