"""The probabilities of intent states among a policy's inputs, for a whole chunk."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.decisions.decision import published
from models.guidance.intents import INPUTS, known_intents, published_intents
from streams.pipeline.chunk import Applied, Chunk, Scored


class IntentPlaces:
    """Where a policy's inputs have which states."""

    def __init__(self, inputs: Sequence[str]) -> None:
        named = [(at, INPUTS.index(name)) for at, name in enumerate(inputs) if name in INPUTS]
        self._places = [at for at, _ in named]
        self._states = [state for _, state in named]

    def fill(self, values: NDArray[np.float64], chunk: Chunk) -> None:
        """Write the states of the chunk's applied clicks into their vectors [N, inputs]."""
        if not self._places:
            return
        batches = np.array([applied.batch for applied in chunk.applied])
        for number, scored in enumerate(chunk.scored):
            rows = np.flatnonzero(batches == number)
            if len(rows):
                clicks = [chunk.applied[row] for row in rows.tolist()]
                intents = published_intents(_intents(scored, clicks))
                values[rows[:, None], self._places] = intents[:, self._states]


def _intents(scored: Scored, clicks: Sequence[Applied]) -> NDArray[np.floating]:
    if scored.intents is not None:
        found: NDArray[np.floating] = scored.intents[[applied.row for applied in clicks]]
        return found
    chances = [published(scored.purchase[applied.row]) for applied in clicks]
    return known_intents(chances, [applied.stage for applied in clicks])
