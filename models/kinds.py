"""The kinds of inputs: how values of each become columns, in one call over all of a kind."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Feature(NamedTuple):
    """One input: its name, an expression over the click and its visitor, and the kind of its values.

    Kinds: `plain`; `log` (log1p); `ago` (ms since; < 0: never, and a column says so); `cycle:ms`; `choice:n`
    (one of n, 0 for none); `bits:n` or `bits:name,name` (a column per bit); `index:n` (a row of a table that
    the network has fitted). `plain?` and `log?` may be missing (NaN), and a column says so. Expressions over
    `code` are made for a whole chunk at once; they are choices, bits or indices.
    """

    name: str
    expression: str
    kind: str

    @property
    def transform(self) -> str:
        """The kind without its argument."""
        return self.kind.partition(":")[0]

    @property
    def argument(self) -> str:
        """What follows the kind's name."""
        return self.kind.partition(":")[2]

    @property
    def of_code(self) -> bool:
        """Whether it is made from the clicks' codes."""
        return "code['" in self.expression

    @property
    def bits(self) -> list[str]:
        """Names of the columns of `bits`."""
        named = self.argument.split(",")
        return named if len(named) > 1 else [f"{self.name}={n}" for n in range(int(self.argument))]


class Part:
    """Features of one kind: `names` of their columns, and the columns [N, len(names)] of values and codes."""

    def __init__(self, kind: str, features: Sequence[Feature], values: Sequence[Feature]) -> None:
        self.mine = [f for f in features if f.transform == kind]
        # Values of a kind stand side by side, so that they are a view.
        places = [place for place, f in enumerate(values) if f.transform == kind]
        self.places = slice(places[0], places[-1] + 1) if places else slice(0, 0)
        self.mine.sort(key=lambda f: f.of_code)
        self._made = [_compiled(f) for f in self.mine if f.of_code]
        self.names = self.columns()

    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return [f.name for f in self.mine]

    def integers(self, values: Array, code: Array) -> NDArray[np.int64]:
        """Values [N, features] of choices, bits and indices."""
        given = values[:, self.places]
        found = np.empty((len(values), len(self.mine)), dtype=np.int64)
        found[:, : given.shape[1]] = given
        for place, made in enumerate(self._made, start=given.shape[1]):
            found[:, place] = made(code)
        return found

    def owners(self) -> list[str]:
        """Names of the features that the columns are of, in order."""
        return [f.name for f in self.mine] * (len(self.names) // max(1, len(self.mine)))

    def __call__(self, values: Array, code: Array) -> Array:
        return values[:, self.places]


class Log(Part):
    """`log`: growth counts less the more there is."""

    def __call__(self, values: Array, code: Array) -> Array:
        return np.asarray(np.log1p(np.maximum(values[:, self.places], 0)))


class Maybe(Part):
    """`plain?`: the values, 0 where they are missing; then which are."""

    def columns(self) -> list[str]:
        return [*(f.name for f in self.mine), *(f"{f.name}_missing" for f in self.mine)]

    def __call__(self, values: Array, code: Array) -> Array:
        given = values[:, self.places]
        return np.concatenate([self.transformed(given), np.isnan(given)], axis=1)

    def transformed(self, given: Array) -> Array:
        """The values' transform."""
        return given


class MaybeLog(Maybe):
    """`log?`."""

    def transformed(self, given: Array) -> Array:
        return np.asarray(np.log1p(np.maximum(given, 0)))


class Ago(Part):
    """`ago`: 1 for just now, falling with the logarithm of the seconds, 0 for never; then who is never."""

    def columns(self) -> list[str]:
        return [*(f.name for f in self.mine), *(f"{f.name}_never" for f in self.mine)]

    def __call__(self, values: Array, code: Array) -> Array:
        since = values[:, self.places]
        never = since < 0
        passed = np.where(never, 0, 1 / (1 + np.log1p(np.maximum(since, 0) / 1000)))
        return np.concatenate([passed, never], axis=1)


class Cycle(Part):
    """`cycle`: sine and cosine of a time within its period."""

    def columns(self) -> list[str]:
        self._periods = np.array([float(f.argument) for f in self.mine])
        return [f"{f.name}_{part}" for part in ("sin", "cos") for f in self.mine]

    def __call__(self, values: Array, code: Array) -> Array:
        angles = values[:, self.places] / self._periods % 1 * 2 * np.pi
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


class Choice(Part):
    """`choice`: a column per answer, one of them 1."""

    def columns(self) -> list[str]:
        sizes = [int(f.argument) for f in self.mine]
        self._last = np.array(sizes) - 1
        self._first = np.cumsum([0, *sizes[:-1]])
        return [f"{f.name}={n}" for f, size in zip(self.mine, sizes, strict=True) for n in range(size)]

    def owners(self) -> list[str]:
        return [f.name for f in self.mine for _ in range(int(f.argument))]

    def __call__(self, values: Array, code: Array) -> Array:
        chosen = self._first + np.clip(self.integers(values, code), 0, self._last)
        made = np.zeros((len(values), len(self.names)), dtype=np.float32)
        made[np.arange(len(values))[:, None], chosen] = 1
        return made


class Index(Part):
    """`index`: row numbers, for the network to look up."""

    def __call__(self, values: Array, code: Array) -> Array:
        return self.integers(values, code)


class Bits(Part):
    """`bits`: a column per bit."""

    def columns(self) -> list[str]:
        self._which = np.repeat(np.arange(len(self.mine)), [len(f.bits) for f in self.mine])
        self._shift = np.concatenate([np.arange(len(f.bits)) for f in self.mine])
        return [name for f in self.mine for name in f.bits]

    def owners(self) -> list[str]:
        return [f.name for f in self.mine for _ in f.bits]

    def __call__(self, values: Array, code: Array) -> Array:
        return np.asarray(self.integers(values, code)[:, self._which] >> self._shift & 1)


#: In the order of their columns; rows of tables come last, since they are not bounded.
PARTS: Final[dict[str, type[Part]]] = {
    "plain": Part,
    "log": Log,
    "plain?": Maybe,
    "log?": MaybeLog,
    "ago": Ago,
    "cycle": Cycle,
    "choice": Choice,
    "bits": Bits,
    "index": Index,
}


def kind(hashes: Array, rows: int) -> Array:
    """A row 1..rows-1 of each category hash, 0 for none (0)."""
    return np.where(hashes > 0, hashes % np.uint32(rows - 1) + 1, 0)


def _compiled(feature: Feature) -> Callable[[Array], Array]:
    made: Callable[[Array], Array] = eval(f"lambda code: {feature.expression}", {"kind": kind})
    return made
