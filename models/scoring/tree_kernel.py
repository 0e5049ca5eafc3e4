"""LightGBM's trees as arrays, and a compiled walk through them that gives LightGBM's own bits.

`lightgbm.Booster.predict` costs about a millisecond a call however few rows it gets, and importing it imports
scikit-learn. The arrays are read from the text that LightGBM writes (`Booster.model_to_string`, version 4).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
S = TypeVar("S", bound=np.generic)

#: Bits of `decision_type`: a node that splits by category; missing values go left; bits 2 and 3 say what is
#: missing: nothing (NaN counts as 0), zero, or NaN.
CATEGORICAL: Final = 1
DEFAULT_LEFT: Final = 2
MISSING_ZERO: Final = 4
MISSING_NAN: Final = 8
#: LightGBM's `kZeroThreshold`, a 32-bit float: what is nearer to 0 is 0.
ZERO: Final = float(np.float32(1e-35))
#: Categories are 32-bit numbers.
MOST: Final = 2.0**31
#: Rows that go through one tree before the next: few enough to stay in the processor's cache.
BLOCK: Final = 256


class Trees(NamedTuple):
    """All nodes and leaves of T trees in a row.

    `roots` [T], `left` and `right` [nodes] are nodes where they are 0 or more, leaf `-1 - number` elsewhere.
    `threshold` [nodes] is the greatest value that goes left; at a categorical node it is the number of a set
    of categories, whose bits are `words[bounds[set]:bounds[set + 1]]`.
    """

    roots: Ints
    feature: Ints
    threshold: Floats
    decision: NDArray[np.uint8]
    left: Ints
    right: Ints
    leaves: Floats
    bounds: Ints
    words: NDArray[np.uint32]


def read_bags(texts: str | Sequence[str]) -> tuple[Trees, int]:
    """The trees of one model, or of several whose sums are averaged, and how many columns they expect.

    Leaves are divided by the number of models.

    Raises ValueError as `read_several` does.
    """
    given = [texts] if isinstance(texts, str) else texts
    trees, _, width = read_several(given)
    return trees._replace(leaves=trees.leaves / len(given)), width


def read_several(texts: Sequence[str]) -> tuple[Trees, list[int], int]:
    """The trees of several models in a row, how many each model has, and how many columns they expect.

    Raises ValueError for what is not such a text, for kinds of models that are not sums of plain trees, and
    for models of different columns.
    """
    parsed = [_parsed(text) for text in texts]
    widths = {width for _, width in parsed}
    if len(widths) != 1:
        raise ValueError(f"trees of {sorted(widths)} columns, expected models of one number of columns")
    width = widths.pop()
    trees = _joined([tree for model, _ in parsed for tree in model])
    _check(trees, width)
    return trees, [len(model) for model, _ in parsed], width


def _parsed(text: str) -> tuple[list["_Tree"], int]:
    header, *parts = text.partition("end of trees")[0].split("\nTree=")
    general = _lines(header)
    if not header.startswith("tree\n") or "max_feature_idx" not in general:
        raise ValueError(f"trees that LightGBM cannot have written: {text[:20]!r}...")
    if general.get("num_tree_per_iteration") != "1" or "average_output" in header.split("\n"):
        raise ValueError(
            "trees of several classes or of a random forest: expected a sum of trees of one class"
        )
    try:
        return [_Tree(_lines(part)) for part in parts], int(general["max_feature_idx"]) + 1
    except (KeyError, IndexError) as error:
        raise ValueError(f"trees that are cut off or changed: {error} is missing") from error


class _Tree:
    """One tree's own arrays, with the numbers of nodes and leaves as LightGBM writes them."""

    def __init__(self, lines: dict[str, str]) -> None:
        if lines.get("is_linear", "0") != "0":
            raise ValueError("linear trees are not supported: train with linear_tree=false")
        self.leaves = _numbers(lines, "leaf_value", np.float64)
        split = int(lines["num_leaves"]) > 1
        given = lines if split else {}
        self.feature = _numbers(given, "split_feature", np.int32, split)
        self.threshold = _numbers(given, "threshold", np.float64, split)
        self.decision = _numbers(given, "decision_type", np.uint8, split)
        self.left = _numbers(given, "left_child", np.int32, split)
        self.right = _numbers(given, "right_child", np.int32, split)
        categorical = lines.get("num_cat", "0") != "0"
        self.bounds = _numbers(lines, "cat_boundaries", np.int32, categorical)
        self.words = _numbers(lines, "cat_threshold", np.uint32, categorical)
        sizes = {len(self.feature), len(self.threshold), len(self.decision), len(self.left), len(self.right)}
        if sizes != {len(self.leaves) - 1}:
            raise ValueError(f"a tree of {len(self.leaves)} leaves has {sorted(sizes)} nodes")


def _joined(trees: list[_Tree]) -> Trees:
    """All trees as one set of arrays; numbers of nodes and leaves are offset by those of earlier trees."""
    nodes = leaves = sets = words = 0
    roots, threshold, bounds = [], [], [np.zeros(1, np.int32)]
    left: list[Ints] = []
    right: list[Ints] = []
    for tree in trees:
        roots.append(nodes if len(tree.feature) else -1 - leaves)
        for children, moved in ((tree.left, left), (tree.right, right)):
            moved.append(np.where(children < 0, children - leaves, children + nodes))
        threshold.append(np.where(tree.decision & CATEGORICAL, tree.threshold + sets, tree.threshold))
        bounds.append(tree.bounds[1:] + words)
        nodes, leaves = nodes + len(tree.feature), leaves + len(tree.leaves)
        sets, words = sets + max(len(tree.bounds) - 1, 0), words + len(tree.words)
    return Trees(
        np.array(roots, np.int32),
        _concatenated([tree.feature for tree in trees], np.int32),
        _concatenated(threshold, np.float64),
        _concatenated([tree.decision for tree in trees], np.uint8),
        _concatenated(left, np.int32),
        _concatenated(right, np.int32),
        _concatenated([tree.leaves for tree in trees], np.float64),
        _concatenated(bounds, np.int32),
        _concatenated([tree.words for tree in trees], np.uint32),
    )


def _check(trees: Trees, width: int) -> None:
    """A child comes after its node and stays inside the arrays, so that a walk ends: else ValueError."""
    node = np.arange(len(trees.feature))
    for children in (trees.left, trees.right):
        if ((children >= 0) & ((children <= node) | (children >= len(node)))).any() or (
            -1 - children >= len(trees.leaves)
        ).any():
            raise ValueError("a tree's node points before itself or outside the trees: the text was changed")
    if ((trees.feature < 0) | (trees.feature >= width)).any():
        raise ValueError(f"a tree splits a column outside the {width} that it expects")
    sets = trees.threshold[(trees.decision & CATEGORICAL) > 0]
    if not (np.isfinite(trees.leaves).all() and ((sets >= 0) & (sets < len(trees.bounds) - 1)).all()):
        raise ValueError("a tree has a leaf that is no number, or names categories that it does not have")
    if (np.diff(trees.bounds) < 0).any() or trees.bounds[-1] != len(trees.words):
        raise ValueError("a tree's sets of categories do not fit together")


@kernel
def add(trees: Trees, columns: NDArray[np.float32], out: Floats) -> None:
    """Add to `out` [N] what all trees say of `columns` [N, C], tree by tree, as LightGBM does.

    A row's sum does not depend on the other rows.
    """
    for start in range(0, len(columns), BLOCK):
        for root in trees.roots:
            for row in range(start, min(start + BLOCK, len(columns))):
                node = root
                while node >= 0:
                    value = float(columns[row, trees.feature[node]])
                    node = trees.left[node] if goes_left(trees, node, value) else trees.right[node]
                out[row] += trees.leaves[-1 - node]


@kernel
def goes_left(trees: Trees, node: int, value: float) -> bool:
    """LightGBM's decision at a node: `NumericalDecision` and `CategoricalDecision` of its `tree.h`."""
    decision = trees.decision[node]
    missing = np.isnan(value)
    if decision & CATEGORICAL:
        known = not missing and -1 < value < MOST
        return in_set(trees, int(trees.threshold[node]), int(value)) if known else False
    if missing and not decision & MISSING_NAN:
        value, missing = 0.0, False
    if missing or (decision & MISSING_ZERO and abs(value) <= ZERO):
        return bool(decision & DEFAULT_LEFT)
    return bool(value <= trees.threshold[node])


@kernel
def in_set(trees: Trees, number: int, category: int) -> bool:
    """Whether a category is in a set, which is kept as bits of 32-bit words."""
    word = trees.bounds[number] + category // 32
    if word >= trees.bounds[number + 1]:
        return False
    return bool((trees.words[word] >> np.uint32(category % 32)) & np.uint32(1))


def _lines(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


def _numbers(lines: dict[str, str], name: str, kind: type[S], wanted: bool = True) -> NDArray[S]:
    return np.array(lines[name].split() if wanted else [], dtype=np.float64).astype(kind)


def _concatenated(parts: Iterable[NDArray[Any]], kind: type[S]) -> NDArray[S]:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)
