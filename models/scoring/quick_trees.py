"""Trees without branches: which leaves each split rules out, split by split of a column.

QuickScorer (Lucchese et al. 2015, "QuickScorer: a fast algorithm to rank documents with additive ensembles of
regression trees"): every split whose value is above its threshold rules out the leaves on its left, and the
first leaf that remains is the tree's answer. A row costs a third of a walk from node to node, which a
processor cannot foresee. The sums have the same bits, because leaves are added in the order of trees.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel
from models.scoring.tree_kernel import CATEGORICAL, MISSING_NAN, MISSING_ZERO, Trees

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Masks = NDArray[np.uint64]

#: Leaves of a tree that a mask has bits for.
MOST_LEAVES: Final = 64
#: Of a 64-bit float: where its exponent begins, and what is added to it.
EXPONENT_AT, EXPONENT = np.int64(52), np.int64(1023)
ALL, ONE = np.uint64(0xFFFF_FFFF_FFFF_FFFF), np.uint64(1)


class Splits(NamedTuple):
    """All splits by column, and in each column by ascending threshold.

    The splits of `columns[i]` are those from `bounds[i]` to `bounds[i + 1]`. `masks` have a 0 for each leaf
    of `tree` that is ruled out by a value above the threshold. `leaves[first[t]:]` are those of tree t, from
    left to right.
    """

    columns: Ints
    bounds: Ints
    thresholds: Floats
    tree: Ints
    masks: Masks
    first: Ints
    leaves: Floats


def splits(trees: Trees) -> Splits | None:
    """The splits of trees that have plain numbers and few enough leaves; None for others."""
    odd = CATEGORICAL | MISSING_ZERO | MISSING_NAN
    if (trees.decision & odd).any():
        return None
    masks, owner = np.zeros(len(trees.feature), np.uint64), np.zeros(len(trees.feature), np.int64)
    leaves: list[int] = []
    first: list[int] = []
    for number, root in enumerate(trees.roots.tolist()):
        first.append(len(leaves))
        _number(trees, root, number, first[-1], leaves, masks, owner)
        if len(leaves) - first[-1] > MOST_LEAVES:
            return None
    order = np.lexsort((trees.threshold, trees.feature))
    columns, starts = np.unique(trees.feature[order], return_index=True)
    return Splits(
        columns.astype(np.int64),
        np.append(starts, len(order)).astype(np.int64),
        trees.threshold[order],
        owner[order],
        masks[order],
        np.array(first, dtype=np.int64),
        trees.leaves[np.array(leaves, dtype=np.int64)],
    )


def _number(
    trees: Trees, root: int, tree: int, first: int, leaves: list[int], masks: Masks, owner: Ints
) -> None:
    """Append the leaves below `root` from left to right, and set what its splits rule out."""
    waiting: list[tuple[int, int]] = [(root, -1)]
    while waiting:
        node, began = waiting.pop()
        if began >= 0:  # the left side is done: its leaves are those since it began
            ruled_out = (1 << len(leaves) - first) - (1 << began)
            masks[node], owner[node] = int(ALL) & ~ruled_out & int(ALL), tree
            waiting.append((int(trees.right[node]), -1))
        elif node < 0:
            leaves.append(-1 - node)
        else:
            waiting += [(node, len(leaves) - first), (int(trees.left[node]), -1)]


@kernel
def add(splits: Splits, output: Ints, columns: NDArray[np.float32], out: Floats) -> None:
    """Add to `out` [N, K] what all trees say of `columns` [N, C]; tree t belongs to output `output[t]`.

    A row's sums do not depend on the other rows, and an output's not on the other outputs' trees.
    """
    alive = np.empty(len(splits.first), np.uint64)
    lowest = np.empty(len(splits.first), np.float64)
    for row in range(len(columns)):
        alive[:] = ALL
        for place in range(len(splits.columns)):
            value: float = np.float64(columns[row, splits.columns[place]])
            value = value if value == value else 0.0
            at, end = splits.bounds[place], splits.bounds[place + 1]
            while at < end and value > splits.thresholds[at]:
                alive[splits.tree[at]] &= splits.masks[at]
                at += 1
        for tree in range(len(alive)):
            lowest[tree] = alive[tree] & (~alive[tree] + ONE)
        bits = lowest.view(np.int64)
        for tree in range(len(alive)):
            leaf = splits.first[tree] + (bits[tree] >> EXPONENT_AT) - EXPONENT
            out[row, output[tree]] += splits.leaves[leaf]
