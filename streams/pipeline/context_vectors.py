"""A policy's own inputs, read from a scored chunk: features of the click, the encoder's session state, and
the probabilities of intent states.
"""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.decisions.actions_file import ActionsError
from models.decisions.policy import Policy
from models.features import features
from models.guidance.intents import INPUTS
from models.policies.context_columns import HIDDEN
from streams.pipeline.chunk import CONSENTING, Chunk
from streams.pipeline.intent_vectors import IntentPlaces

_HIDDEN: Final = re.compile(rf"{HIDDEN}(0|[1-9]\d{{0,3}})\Z")


class ContextVectors:
    """Reads a policy's inputs (`Policy.inputs`). Raises ActionsError for a column that does not exist."""

    def __init__(self, policy: Policy) -> None:
        names = policy.inputs
        numbers = {at: int(found[1]) for at, name in enumerate(names) if (found := _HIDDEN.match(name))}
        self._intents = IntentPlaces(names)
        others = {*INPUTS, *(names[at] for at in numbers)}
        unknown = sorted(set(names) - set(features.NAMES) - others)
        if unknown:
            raise ActionsError(
                f"policy {policy.name} decides from {unknown}; expected columns of "
                "models.features.features.NAMES, hidden:N, or intent:STATE; correct its inputs"
            )
        self._width = len(names)
        self._at = [at for at, name in enumerate(names) if name not in others]
        self._columns = [features.NAMES.index(names[at]) for at in self._at]
        self._hidden_at, self._hidden = list(numbers), list(numbers.values())

    def of(self, chunk: Chunk) -> list[list[float] | None]:
        """A vector for each applied click; None where the policy has no inputs.

        Zeros without consent: only `none` is allowed then, and the record must not describe the visitor.
        """
        if not self._width or not chunk.applied:
            return [None] * len(chunk.applied)
        values = np.zeros((len(chunk.applied), self._width))
        if self._columns:
            values[:, self._at] = features.matrix(chunk.rows())[:, self._columns]
        if self._hidden:
            values[:, self._hidden_at] = _states(chunk, self._hidden)
        self._intents.fill(values, chunk)
        values[[not applied.facts.consent for applied in chunk.applied]] = 0
        vectors: list[list[float] | None] = list(values.tolist())
        return vectors


def _states(chunk: Chunk, columns: list[int]) -> NDArray[np.float64]:
    """Columns of the session states, by applied click: as of the visitor's last click in the chunk.

    Zeros, which are the state of a session that begins, where no network answered or it has fewer columns.
    """
    found = np.zeros((len(chunk.applied), len(columns)))
    states = chunk.scored[CONSENTING].hidden
    if not states:
        return found
    matrix = np.frombuffer(b"".join(states), dtype=np.float16).reshape(len(states), -1)
    if matrix.shape[1] <= max(columns):
        return found
    rows = [at for at, applied in enumerate(chunk.applied) if applied.batch == CONSENTING]
    slots = [chunk.applied[at].entry.slot for at in rows]
    found[rows] = matrix[slots][:, columns]
    return found
