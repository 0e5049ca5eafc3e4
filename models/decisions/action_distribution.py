"""Probabilities of a placement's actions, as exact multiples of 2^-53."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

import msgspec

from models.decisions.actions_file import ONE

_encode = msgspec.json.Encoder().encode


class ActionDistribution(Protocol):
    """What a decision needs of a distribution; a policy may make each part when it is asked for."""

    @property
    def probabilities(self) -> dict[str, float]:
        """By action name."""
        ...

    @property
    def text(self) -> bytes:
        """The probabilities as JSON."""
        ...

    @property
    def cumulative(self) -> Sequence[int]:
        """Running sums in units of 2^-53."""
        ...

    def probability(self, position: int) -> float:
        """Of the action at a position."""
        ...

    def position(self, draw: int) -> int:
        """The first action, by position, whose running sum exceeds the draw."""
        ...


class Distribution(NamedTuple):
    """Probabilities by action name (0 where it cannot be drawn), their running sums in units of 2^-53, and
    the probabilities as JSON.

    The units are the grain of the draw, so the probabilities sum to exactly 1, and each is exactly the share
    of draws that choose its action.
    """

    probabilities: dict[str, float]
    cumulative: tuple[int, ...]
    text: bytes

    def probability(self, position: int) -> float:
        """Of the action at a position."""
        before = self.cumulative[position - 1] if position else 0
        return (self.cumulative[position] - before) / ONE

    def position(self, draw: int) -> int:
        """The first action, by position, whose running sum exceeds the draw."""
        return bisect_right(self.cumulative, draw)

    @classmethod
    def of_units(cls, names: Sequence[str], units: Sequence[int]) -> "Distribution":
        """From whole units of 2^-53 by action. Raises ValueError unless they are >= 0 and sum to 2^53."""
        if min(units) < 0 or sum(units) != ONE:
            raise ValueError(
                f"units {list(units)} sum to {sum(units)}; expected none below 0 and a sum of {ONE}"
            )
        probabilities = {name: unit / ONE for name, unit in zip(names, units, strict=True)}
        return cls(probabilities, tuple(accumulate(units)), _encode(probabilities))
