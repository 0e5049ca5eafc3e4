"""Features of actions: by them a model of rewards knows an action that its log did not have.

An action is a row of numbers: 1, its amounts (cost, price, value at stake) and weight, its kind, its
category, and a number of its own. The last one is 0 for an action that the training did not have, so a new ad
is judged as ads of its kind, price and category are.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log1p
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.decisions.actions_file import Action

#: Names by which a table's action counts as doing nothing.
NONE_NAMES: Final = ("none", "nothing")
_NUMBERS: Final = ("cost", "price", "value_at_stake", "weight")


class ActionFeatures(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a learned policy knows of an action; amounts are in currency units."""

    name: str
    kind: str = "ad"
    cost: float = 0.0
    price: float = 0.0
    value_at_stake: float = 0.0
    weight: float = 1.0
    category: str = ""

    @classmethod
    def of(cls, action: Action) -> "ActionFeatures":
        """Of an entry of the actions file."""
        return cls(
            action.name,
            action.kind,
            action.cost or 0.0,
            action.price or 0.0,
            action.value_at_stake or 0.0,
            action.weight,
            action.category or "",
        )


class ActionEncoding(msgspec.Struct, frozen=True):
    """Which words and names have a number of their own: kinds, categories and actions of the training."""

    kinds: tuple[str, ...]
    categories: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, actions: Iterable[ActionFeatures]) -> "ActionEncoding":
        """With everything that these actions have."""
        known = list(actions)
        return cls(
            tuple(sorted({one.kind for one in known})),
            tuple(sorted({one.category for one in known} - {""})),
            tuple(one.name for one in known),
        )

    @property
    def width(self) -> int:
        """Numbers of an action."""
        return 1 + len(_NUMBERS) + len(self.kinds) + len(self.categories) + len(self.names)

    @property
    def shared(self) -> int:
        """How many of them, from the first, actions share; the others are one for each known action."""
        return self.width - len(self.names)

    def rows(self, actions: Sequence[ActionFeatures]) -> NDArray[np.float64]:
        """Features `[k, width]`; amounts enter as log(1 + amount)."""
        return np.array([self._row(action) for action in actions]).reshape(len(actions), self.width)

    def _row(self, action: ActionFeatures) -> list[float]:
        known = ((self.kinds, action.kind), (self.categories, action.category), (self.names, action.name))
        words = [float(word == found) for words, found in known for word in words]
        return [1.0, *(log1p(max(0.0, getattr(action, name))) for name in _NUMBERS), *words]


def is_new(encoding: ActionEncoding, action: ActionFeatures) -> bool:
    """Whether the training did not have the action."""
    return action.name not in encoding.names


def described_actions(
    names: Sequence[str], known: Mapping[str, ActionFeatures]
) -> tuple[ActionFeatures, ...]:
    """The features of each name; others are ads without a price, and `none` or `nothing` does nothing."""
    return tuple(known.get(name) or ActionFeatures(name, _kind(name)) for name in names)


def _kind(name: str) -> str:
    return "none" if name.lower() in NONE_NAMES else "ad"
