"""The kinds of features: how their values become columns. One call computes all columns of a kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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

    `fill` computes the columns from values and codes. It is given zeros [N, len(names)] to write into.
    """

    #: Whether the columns are whole numbers within bounds, which need no clipping; such kinds come last.
    whole = False

    def __init__(self, kind: str, features: Sequence[Feature], values: Sequence[Feature]) -> None:
        self.mine = [f for f in features if f.transform == kind]
        # The values of a kind are adjacent, so that a slice of the row is a view.
        places = [place for place, f in enumerate(values) if f.transform == kind]
        self.places = slice(places[0], places[-1] + 1) if places else slice(0, 0)
        self.mine.sort(key=lambda f: isinstance(f, CodeFeature))
        self._of_codes = [f.function for f in self.mine if isinstance(f, CodeFeature)]
        self.names = self.columns()

    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return [f.name for f in self.mine]

    def integers(self, values: Array, code: Array) -> NDArray[np.int64]:
        """Values [N, features] of choices, bits and indices."""
        given = values[:, self.places]
        found = np.empty((len(values), len(self.mine)), dtype=np.int64)
        found[:, : given.shape[1]] = given
        for place, function in enumerate(self._of_codes, start=given.shape[1]):
            found[:, place] = function(code)
        return found

    def owners(self) -> list[str]:
        """The name of each column's feature, in order."""
        return [f.name for f in self.mine] * (len(self.names) // max(1, len(self.mine)))

    def fill(self, out: Array, values: Array, code: Array) -> None:
        """Write the columns."""
        out[:] = values[:, self.places]


class Log(FeaturePart):
    """`log`: the logarithm of 1 + the value; negative values count as 0."""

    def fill(self, out: Array, values: Array, code: Array) -> None:
        out[:] = np.log1p(np.maximum(values[:, self.places], 0))


class Maybe(FeaturePart):
    """`plain?`: the values, 0 where one is missing; then a column for each that is 1 where it is missing."""

    def columns(self) -> list[str]:
        return [*(f.name for f in self.mine), *(f"{f.name}_missing" for f in self.mine)]

    def fill(self, out: Array, values: Array, code: Array) -> None:
        given = values[:, self.places]
        missing = np.isnan(given)
        out[:, : given.shape[1]] = self.transformed(np.where(missing, 0, given))
        out[:, given.shape[1] :] = missing

    def transformed(self, given: Array) -> Array:
        """Transform the values that are not missing."""
        return given


class MaybeLog(Maybe):
    """`log?`: as `log`, with missing values as in `plain?`."""

    def transformed(self, given: Array) -> Array:
        return np.asarray(np.log1p(np.maximum(given, 0)))


class Ago(FeaturePart):
    """`ago`: 1 / (1 + log1p(seconds)), 0 for never; then a column for each that is 1 for never."""

    def columns(self) -> list[str]:
        return [*(f.name for f in self.mine), *(f"{f.name}_never" for f in self.mine)]

    def fill(self, out: Array, values: Array, code: Array) -> None:
        since = values[:, self.places]
        never = since < 0
        passed = 1 / (1 + np.log1p(np.maximum(since, 0) / 1000))
        out[:, : since.shape[1]], out[:, since.shape[1] :] = passed * ~never, never


class Cycle(FeaturePart):
    """`cycle`: sine and cosine of a time within its period."""

    def columns(self) -> list[str]:
        self._periods = np.array([float(f.argument) for f in self.mine])
        return [f"{f.name}_{part}" for part in ("sin", "cos") for f in self.mine]

    def fill(self, out: Array, values: Array, code: Array) -> None:
        angles = values[:, self.places] / self._periods % 1 * 2 * np.pi
        middle = angles.shape[1]
        out[:, :middle], out[:, middle:] = np.sin(angles), np.cos(angles)


class Choice(FeaturePart):
    """`choice`: one-hot columns; a value out of range sets the first one."""

    whole = True

    def columns(self) -> list[str]:
        sizes = [int(f.argument) for f in self.mine]
        self._last = np.array(sizes) - 1
        self._first = np.cumsum([0, *sizes[:-1]])
        return [f"{f.name}={n}" for f, size in zip(self.mine, sizes, strict=True) for n in range(size)]

    def owners(self) -> list[str]:
        return [f.name for f in self.mine for _ in range(int(f.argument))]

    def fill(self, out: Array, values: Array, code: Array) -> None:
        chosen = self.integers(values, code)
        chosen[(chosen < 0) | (chosen > self._last)] = 0
        out[np.arange(len(values))[:, None], self._first + chosen] = 1


class IndexTransform(FeaturePart):
    """`index`: row numbers of a table of the network."""

    whole = True

    def fill(self, out: Array, values: Array, code: Array) -> None:
        out[:] = self.integers(values, code)


class Bits(FeaturePart):
    """`bits`: a column per bit."""

    whole = True

    def columns(self) -> list[str]:
        self._shifts = [np.arange(len(f.bits)) for f in self.mine]
        self._ends = np.cumsum([len(f.bits) for f in self.mine]).tolist()
        return [name for f in self.mine for name in f.bits]

    def owners(self) -> list[str]:
        return [f.name for f in self.mine for _ in f.bits]

    def fill(self, out: Array, values: Array, code: Array) -> None:
        # For speed: most features have no bit set in a chunk.
        for end, shifts, bits in zip(self._ends, self._shifts, self.integers(values, code).T, strict=True):
            if bits.any():
                out[:, end - len(shifts) : end] = bits[:, None] >> shifts & 1


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
