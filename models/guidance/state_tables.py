"""What an actions file says of intent states, as tables: whom actions are meant for, and what they bring."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import Context
from models.contract.head_table import STATES
from models.decisions.actions import ActionSet
from models.decisions.actions_file import Action


class StateTables:
    """By state, and by position of the actions.

    `meant` are the actions that are meant for a state, as bits; `explored` those that exploration may choose
    in it, as far as the state decides. `values` [states, actions] is what one use brings, less its cost;
    `valued` says whether any action has values.
    """

    def __init__(self, actions: ActionSet) -> None:
        self._none = actions.none
        entries = actions.actions
        self.meant = [_bits(entries, state) for state in STATES]
        free = sum(1 << at for at, one in enumerate(entries) if not one.costly or one.explore_when)
        self.explored = [bits | free for bits in self.meant]
        self.values = np.array([[_value(one, state) for one in entries] for state in STATES])
        self.valued = any(one.intent_values for one in entries)

    def read(self, contexts: Sequence[Context]) -> tuple[list[int], NDArray[np.float64]]:
        """The likeliest state of each context, and the states' probabilities [n, states].

        Raises ValueError for a context without them.
        """
        if any(context.vector is None for context in contexts):
            raise ValueError("a context has no vector; expected the probabilities of the intent states")
        rows = np.array([context.vector for context in contexts], dtype=np.float64)
        intents = rows.reshape(len(contexts), len(STATES))
        states: list[int] = intents.argmax(1).tolist() if len(contexts) else []
        return states, intents

    def expected(self, intents: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected values [n, actions], added up state by state.

        So no bit of them depends on how many contexts there are.
        """
        found = np.zeros((len(intents), self.values.shape[1]))
        for column, values in zip(intents.T, self.values, strict=True):
            found += column[:, None] * values
        return found

    def by_value(self, intents: NDArray[np.float64]) -> list[list[int]]:
        """Positions of the actions whose expected value is above 0, the highest first."""
        expected = self.expected(intents)
        places: list[list[int]] = np.argsort(-expected, axis=1, kind="stable").tolist()
        counts = (expected > 0).sum(1).tolist()
        return [order[:count] for order, count in zip(places, counts, strict=True)]


def _bits(entries: Sequence[Action], state: str) -> int:
    return sum(1 << at for at, one in enumerate(entries) if one.intents is None or state in one.intents)


def _value(action: Action, state: str) -> float:
    if action.kind == "none":
        return 0.0
    values = {str(name): value for name, value in (action.intent_values or {}).items()}
    return values.get(state, 0.0) - (action.cost or 0.0)
