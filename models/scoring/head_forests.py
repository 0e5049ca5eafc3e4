"""Trees of further heads, blended into the raw outputs of the network before calibration.

A head of one logit has one forest. A distribution has one for each class that is common enough, learned on
that class against all others; the logarithms of their probabilities are blended with the network's logits (a
logarithmic opinion pool: Genest, Zidek 1986).
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel
from models.contract.head_table import HeadPart, Kind, Layout
from models.features.batch import Batch
from models.features.tree_columns import Columns, ColumnTable
from models.scoring import quick_trees, tree_kernel
from models.scoring.forest import Forest

Floats = NDArray[np.float64]
#: Logits beyond it have no further effect on a logarithm of a probability.
FARTHEST: Final = 30.0
#: Kinds of heads that trees can serve.
KINDS = (Kind.BINARY, Kind.CLASSES)


class _Output(NamedTuple):
    """One raw output: its column, whether its logarithm counts, weights, and trees or a constant."""

    place: int
    logarithm: bool
    weights: tuple[float, float]
    trees: str
    base: float


class HeadForests:
    """The forests of a version's further heads, from the `state` in it: `ranks`, and `heads` by name.

    A head's state has `weights` of network and trees, and for each of its raw outputs `trees` (empty: none)
    and `base`, a constant. `forest` are the trees of purchase intent, with which columns are shared. Raises
    ValueError where these do not fit together.
    """

    def __init__(self, state: Mapping[str, Any], layout: Layout, forest: Forest | None = None) -> None:
        self.state = dict(state)
        outputs = [one for name, head in state["heads"].items() for one in _outputs(name, head, layout)]
        table = ColumnTable(state["ranks"])
        self._shared = forest is not None and forest.table == table
        self.table = forest.table if forest is not None and self._shared else table
        self._places = np.array([one.place for one in outputs], dtype=np.int64)
        self._logarithms = np.array([one.logarithm and bool(one.trees) for one in outputs])
        self._weights = np.array([one.weights for one in outputs], dtype=np.float64)
        self._base = np.array([0.0 if one.trees else one.base for one in outputs])
        self._read([one.trees for one in outputs])
        # Compiles now rather than at the first click.
        self.blend(np.zeros((1, self.table.width), np.float32), np.zeros((1, layout.raw), np.float32))

    def _read(self, texts: list[str]) -> None:
        trees, counts, width = tree_kernel.read_several([text for text in texts if text])
        if width != self.table.width:
            raise ValueError(f"trees of {width} columns, expected {self.table.width}")
        self._trees, self._splits = trees, quick_trees.splits(trees)
        self._output = np.repeat(np.flatnonzero([bool(text) for text in texts]), counts).astype(np.int64)

    def mix(self, raw: NDArray[np.float32], batch: Batch, columns: Columns | None = None) -> None:
        """Blend into the network's raw outputs [N, layout.raw] of a batch, in place.

        `columns` are those that the trees of purchase intent had for the batch.
        """
        known = columns is not None and self._shared
        self.blend(columns if known and columns is not None else self.table(batch), raw)

    def blend(self, columns: Columns, raw: NDArray[np.float32]) -> None:
        """Blend into raw outputs [N, layout.raw] of clicks with columns [N, C], in place."""
        blend_rows(self.found(columns), self._places, self._logarithms, self._weights, raw)

    def found(self, columns: Columns) -> Floats:
        """What the trees say [N, K] of columns [N, C]: a logit for each output, or its constant."""
        out = np.repeat(self._base[None], len(columns), 0)
        if self._splits is not None:
            quick_trees.add(self._splits, self._output, columns, out)
            return out
        for number in np.unique(self._output):
            said = np.zeros(len(columns))
            tree_kernel.add(self._part(number), columns, said)
            out[:, number] = said
        return out

    def _part(self, number: int) -> tree_kernel.Trees:
        """The trees of one output."""
        return self._trees._replace(roots=self._trees.roots[self._output == number])


def _outputs(name: str, head: Mapping[str, Any], layout: Layout) -> Iterator[_Output]:
    part = _part(name, layout)
    network, trees = map(float, head["weights"])
    if not (0 <= network < np.inf and 0 < trees < np.inf):
        raise ValueError(f"weights of head {name} are {head['weights']}, expected its trees' above 0")
    texts, base = head["trees"], head["base"]
    if not len(texts) == len(base) == part.raw.stop - part.raw.start or not np.isfinite(base).all():
        raise ValueError(f"head {name} has {len(texts)} forests, expected one for each of its outputs")
    for number, (text, constant) in enumerate(zip(texts, base, strict=True)):
        logarithm = part.head.kind is Kind.CLASSES
        yield _Output(part.raw.start + number, logarithm, (network, trees), text, float(constant))


def _part(name: str, layout: Layout) -> HeadPart:
    found = [part for part in layout.parts if part.head.name == name and part.head.kind in KINDS]
    if not found:
        raise ValueError(f"trees of head {name}, expected a head of the version that trees can serve")
    return found[0]


@kernel
def blend_rows(
    found: Floats,
    places: NDArray[np.int64],
    logarithms: NDArray[np.bool_],
    weights: Floats,
    raw: NDArray[np.float32],
) -> None:
    """Blend the trees' outputs `found` [N, K] into the raw outputs of a network [N, R], in place.

    `places` [K] are their columns among `raw`, `weights` [K, 2] those of network and trees. Where
    `logarithms` [K], what counts is the logarithm of the probability that the logit stands for.
    """
    for click in range(len(raw)):
        for number in range(len(places)):
            value = found[click, number]
            if logarithms[number]:
                value = -math.log1p(math.exp(min(FARTHEST, max(-FARTHEST, -value))))
            own = np.float64(raw[click, places[number]])
            raw[click, places[number]] = weights[number, 0] * own + weights[number, 1] * value
