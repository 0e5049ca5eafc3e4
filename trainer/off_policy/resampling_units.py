"""What a bootstrap draws: visitors where they are known, because decisions of one visitor are alike."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Entries of a block of draws, so that memory stays bounded.
_BLOCK = 20_000_000


@dataclass(frozen=True)
class Units:
    """`unit` int64 [n] is what each decision belongs to, `count` how many there are, `seed` of the draws."""

    unit: NDArray[np.int64]
    count: int
    seed: int = 0
    _cache: dict[int, NDArray[np.int32]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, visitor: NDArray[np.int64] | None, decisions: int, seed: int = 0) -> "Units":
        """Visitors where they are known, else each decision by itself."""
        if visitor is None:
            return cls(np.arange(decisions), decisions, seed)
        codes = np.unique(visitor, return_inverse=True)[1].astype(np.int64)
        return cls(codes, int(codes.max(initial=-1)) + 1, seed)

    def sums(self, values: Floats) -> Floats:
        """Sum of `values` [n] for each unit, [count]."""
        return np.bincount(self.unit, values, minlength=self.count).astype(np.float64)

    def part(self, chosen: NDArray[np.bool_]) -> "Units":
        """The units of some decisions."""
        return Units.of(self.unit[chosen], int(chosen.sum()), self.seed)

    def draws(self, number: int) -> Iterator[Floats]:
        """How often each unit is in each of `number` resamples, in blocks float64 [some, count].

        The same seed gives the same draws, so that estimates of one log are resampled together.
        """
        if number * self.count <= _BLOCK:
            yield self._kept(number).astype(np.float64)
            return
        random = np.random.default_rng(self.seed)
        block = max(1, _BLOCK // self.count)
        for begin in range(0, number, block):
            yield self._some(random, min(block, number - begin)).astype(np.float64)

    def _some(self, random: np.random.Generator, number: int) -> NDArray[np.int64]:
        return random.multinomial(self.count, np.full(self.count, 1 / self.count), size=number)

    def _kept(self, number: int) -> NDArray[np.int32]:
        """Every estimator asks for the same draws."""
        if number not in self._cache:
            random = np.random.default_rng(self.seed)
            self._cache[number] = self._some(random, number).astype(np.int32)
        return self._cache[number]
