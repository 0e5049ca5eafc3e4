"""Serving of encoders with a bounded context: every chunk reads the session's last clicks again.

These encoders store no state. Keys and values of 50 clicks would take several times the size of a visitor's
record, which has the codes of these clicks anyway, 16 bytes each.
"""

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.features.batch import Batch
from models.network.encoder import Encoder, EncoderError, Rows, Serving, Shape
from models.state.segments import Ints, expand, rank_in_group
from models.state.visitor import KEPT_CODES

#: Most new clicks of a piece; a session with more is cut, and each piece reads its context again.
PIECE = 50
#: Pieces of one pass, which so has at most 128 x 99 clicks.
PIECES = 128


class Windowed(Encoder):
    """An encoder whose states depend on the last `context` clicks. Raises EncoderError if too long."""

    context: int

    def __init__(self, shape: Shape, context: int) -> None:
        super().__init__()
        if context > KEPT_CODES:
            raise EncoderError(
                f"{shape.encoder} with layers={shape.layers} and window={shape.window} looks at {context} "
                f"clicks, a visitor's record keeps {KEPT_CODES}: choose fewer layers or a smaller window"
            )
        self.context = context

    @abstractmethod
    def tail(self, inputs: Tensor, present: Tensor | None, wanted: int) -> Tensor:
        """The last `wanted` states `[B, wanted, H]` of right-aligned sequences `[B, T, E]`.

        `present` bool `[B, T]` says where there are clicks; None: everywhere.
        """

    def full(self, inputs: Tensor) -> Tensor:
        return self.tail(inputs, None, inputs.shape[1])

    def serving(self, table: Tensor, rows: Rows) -> Serving:
        return Windows(self, table, rows)


class Pieces(NamedTuple):
    """P runs of new clicks, each of one session; all fields are int64 [P].

    A piece reads the codes `begin` to `last`; its new clicks are `starts` to `stops` in the order of
    `Batch.trails`.
    """

    begin: Ints
    last: Ints
    starts: Ints
    stops: Ints

    def part(self, chosen: Ints) -> "Pieces":
        """The chosen pieces."""
        return Pieces(*(column[chosen] for column in self))

    @property
    def new(self) -> Ints:
        """Number of new clicks of each piece."""
        return self.stops - self.starts


class Windows:
    """A windowed encoder over an input table of R rows."""

    def __init__(self, encoder: Windowed, table: Tensor, rows: Rows) -> None:
        self.encoder, self.table, self.rows = encoder, table.detach(), rows
        self.width = 0

    def states(self, batch: Batch, model: int) -> tuple[Tensor, NDArray[Any]]:
        """See `models.network.encoder.Serving`; the states to store have no bytes."""
        codes, place, session = batch.trails
        order = np.argsort(place)
        pieces = _cut(place[order], session[order], self.encoder.context)
        inputs = F.embedding_bag(self._tensor(self.rows(codes)), self.table, mode="sum")
        found = [self._pass(inputs, block) for block in _blocks(pieces)]
        clicks = np.concatenate([order[clicks] for clicks, _ in found])
        encoded = torch.cat([states for _, states in found])
        states = torch.empty_like(encoded)
        states[self._tensor(clicks)] = encoded
        return states, np.zeros((batch.slots, 0), dtype=np.float16)

    def rebuilt(self, history: list[bytes]) -> NDArray[Any]:
        """States without bytes."""
        return np.zeros((len(history), 0), dtype=np.float16)

    def _pass(self, inputs: Tensor, pieces: Pieces) -> tuple[Ints, Tensor]:
        """Indices of the new clicks, in the order of `Batch.trails`, and their states."""
        width, wanted = int((pieces.last - pieces.begin).max()) + 1, int(pieces.new.max())
        where = pieces.last[:, None] + np.arange(1 - width, 1)
        present = where >= pieces.begin[:, None]
        sequences = inputs[self._tensor(np.maximum(where, 0))]
        states = self.encoder.tail(sequences, None if present.all() else self._tensor(present), wanted)
        new = np.arange(wanted) >= wanted - pieces.new[:, None]
        return expand(pieces.starts, pieces.stops)[1], states[self._tensor(new)]

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.table.device)


def _cut(place: Ints, session: Ints, context: int) -> Pieces:
    """Pieces of the new clicks at ascending indices `place`; `session` is where each session starts."""
    starts = np.flatnonzero(rank_in_group(session) % PIECE == 0)
    stops = np.append(starts[1:], len(place))
    begin = np.maximum(session[starts], place[starts] - (context - 1))
    return Pieces(begin, place[stops - 1], starts, stops)


def _blocks(pieces: Pieces) -> list[Pieces]:
    """Blocks of pieces of similar size."""
    order = np.lexsort((pieces.last - pieces.begin, pieces.new))
    return [pieces.part(order[at : at + PIECES]) for at in range(0, len(order), PIECES)]
