"""The kinds of features: how their values become columns. One call computes all columns of a kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.features import expansion_kernel
from models.features.feature_inputs import FeatureInputs

Array = NDArray[Any]


@dataclass(frozen=True)
class Feature:
    """One input: its name, the kind of its values, and the function that computes them.

    Kinds: `plain`; `log` (log1p); `ago` (ms since; below 0: never, with a column that says so); `cycle:ms`.
    `choice:n` is one of n, 0 for none and for an unknown value. `bits:n` or `bits:name,name` is a column per
    bit. `index:n` is a row of a table that the network has fitted. `plain?` and `log?` may be missing (NaN),
    with a column that says so.
    """

    name: str
    kind: str
    function: Callable[..., Any]

    @property
    def transform(self) -> str:
        """The kind without its argument."""
        return self.kind.partition(":")[0]

    @property
    def argument(self) -> str:
        """What follows the kind's name."""
        return self.kind.partition(":")[2]

    @property
    def bits(self) -> list[str]:
        """Names of the columns of `bits`."""
        named = self.argument.split(",")
        return named if len(named) > 1 else [f"{self.name}={n}" for n in range(int(self.argument))]


@dataclass(frozen=True)
class ClickFeature(Feature):
    """A value of one click."""

    function: Callable[[FeatureInputs], float]


@dataclass(frozen=True)
class CodeFeature(Feature):
    """Values of a whole chunk, from its codes [N]: choices, bits or indices."""

    function: Callable[[Array], Array]


class FeaturePart:
    """The features of one kind; `names` are the names of their columns.

    `entries` say where a feature's columns are; `models.features.expansion_kernel` fills them.
    """

    #: The kind's number in the kernel.
    number = expansion_kernel.PLAIN

    def __init__(self, kind: str, features: Sequence[Feature]) -> None:
        self.mine = [f for f in features if f.transform == kind]
        self.mine.sort(key=lambda f: isinstance(f, CodeFeature))
        self.names = self.columns()

    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return [f.name for f in self.mine]

    def owners(self) -> list[str]:
        """The name of each column's feature, in order."""
        return [f.name for f in self.mine] * (len(self.names) // max(1, len(self.mine)))

    def entries(self, at: int) -> list[tuple[int, int, float]]:
        """First column, second column and argument of each feature, where the kind begins at column `at`."""
        second = at + len(self.mine) * (len(self.names) > len(self.mine))
        return [(at + place, second + place, self.argument(f)) for place, f in enumerate(self.mine)]

    def argument(self, feature: Feature) -> float:
        """What the kernel is told of a feature."""
        return 0.0


class Log(FeaturePart):
    """`log`: the logarithm of 1 + the value; negative values count as 0."""

    number = expansion_kernel.LOG


class Maybe(FeaturePart):
    """`plain?`: the values, 0 where one is missing; then a column for each that is 1 where it is missing."""

    number = expansion_kernel.PLAIN_OR_NONE

    def columns(self) -> list[str]:
        return [*(f.name for f in self.mine), *(f"{f.name}_missing" for f in self.mine)]


class MaybeLog(Maybe):
    """`log?`: as `log`, with missing values as in `plain?`."""

    number = expansion_kernel.LOG_OR_NONE


class Ago(FeaturePart):
    """`ago`: 1 / (1 + log1p(seconds)), 0 for never; then a column for each that is 1 for never."""

    number = expansion_kernel.AGO

    def columns(self) -> list[str]:
        return [*(f.name for f in self.mine), *(f"{f.name}_never" for f in self.mine)]


class Cycle(FeaturePart):
    """`cycle`: sine and cosine of a time within its period."""

    number = expansion_kernel.CYCLE

    def columns(self) -> list[str]:
        return [f"{f.name}_{part}" for part in ("sin", "cos") for f in self.mine]

    def argument(self, feature: Feature) -> float:
        return float(feature.argument)


class Several(FeaturePart):
    """Kinds of which each feature has as many columns as it wants, side by side."""

    def columns(self) -> list[str]:
        return [name for f in self.mine for name in self.columns_of(f)]

    def owners(self) -> list[str]:
        return [f.name for f in self.mine for _ in self.columns_of(f)]

    def entries(self, at: int) -> list[tuple[int, int, float]]:
        widths = [len(self.columns_of(f)) for f in self.mine]
        first = accumulate(widths, initial=at)
        return [(place, place, float(width)) for place, width in zip(first, widths, strict=False)]

    def columns_of(self, feature: Feature) -> list[str]:
        """Names of a feature's columns."""
        raise NotImplementedError


class Choice(Several):
    """`choice`: one-hot columns; a value out of range sets the first one."""

    number = expansion_kernel.CHOICE

    def columns_of(self, feature: Feature) -> list[str]:
        return [f"{feature.name}={n}" for n in range(int(feature.argument))]


class Bits(Several):
    """`bits`: a column per bit."""

    number = expansion_kernel.BITS

    def columns_of(self, feature: Feature) -> list[str]:
        return feature.bits


class IndexTransform(FeaturePart):
    """`index`: row numbers of a table of the network."""

    number = expansion_kernel.INDEX


#: In the order of their columns.
PARTS: Final[dict[str, type[FeaturePart]]] = {
    "plain": FeaturePart,
    "log": Log,
    "plain?": Maybe,
    "log?": MaybeLog,
    "ago": Ago,
    "cycle": Cycle,
    "choice": Choice,
    "bits": Bits,
    "index": IndexTransform,
}


def hash_row(hashes: Array, rows: int) -> Array:
    """Row 1..rows-1 of each category hash; 0 for hash 0, no category."""
    return np.asarray((hashes % np.uint32(rows - 1) + np.uint32(1)) * (hashes > 0))
