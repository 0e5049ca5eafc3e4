"""Serving encoders that see a bounded number of clicks: a session's last ones are read again by every chunk.

Nothing of them is stored. Carrying the keys and values of 50 clicks would take several times a visitor's
whole record, while the clicks themselves are in it anyway, 16 bytes each.
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

#: New clicks of one session that are encoded side by side; more are cut, and each piece reads its past again.
PIECE = 50
#: Pieces of one pass: with those two, a pass has at most 128 x 99 clicks, whatever comes in.
PIECES = 128


class Windowed(Encoder):
    """An encoder of which each state depends on the last `context` clicks, however long the session is."""

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
        """The last `wanted` states `[B, wanted, H]` of sequences `[B, T, E]` that end together.

        `present` bool `[B, T]` says where there are clicks (None: everywhere); they stand at the end.
        """

    def full(self, inputs: Tensor) -> Tensor:
        return self.tail(inputs, None, inputs.shape[1])

    def serving(self, table: Tensor, rows: Rows) -> Serving:
        return Windows(self, table, rows)


class Pieces(NamedTuple):
    """Runs of new clicks of one session each; `begin` to `last` are the codes that a piece reads.

    `starts` to `stops` are its new clicks in the order of `Batch.trails`; all are int64 [P].
    """

    begin: Ints
    last: Ints
    starts: Ints
    stops: Ints

    def part(self, chosen: Ints) -> "Pieces":
        """Those pieces."""
        return Pieces(*(column[chosen] for column in self))

    @property
    def new(self) -> Ints:
        """How many new clicks each has."""
        return self.stops - self.starts


class Windows:
    """A windowed encoder over an input table of R rows."""

    def __init__(self, encoder: Windowed, table: Tensor, rows: Rows) -> None:
        self.encoder, self.table, self.rows = encoder, table.detach(), rows
        self.width = 0

    def states(self, batch: Batch, model: int) -> tuple[Tensor, NDArray[Any]]:
        """See `models.network.encoder.Serving`; what is kept has no bytes, so it is of every version's."""
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
        """Nothing is kept."""
        return np.zeros((len(history), 0), dtype=np.float16)

    def _pass(self, inputs: Tensor, pieces: Pieces) -> tuple[Ints, Tensor]:
        """Which clicks, in the order of trails, and their states; all pieces end at the right."""
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
    """Pieces of the new clicks at ascending places, of sessions that start at `session`."""
    starts = np.flatnonzero(rank_in_group(session) % PIECE == 0)
    stops = np.append(starts[1:], len(place))
    begin = np.maximum(session[starts], place[starts] - (context - 1))
    return Pieces(begin, place[stops - 1], starts, stops)


def _blocks(pieces: Pieces) -> list[Pieces]:
    """Pieces of like size side by side."""
    order = np.lexsort((pieces.last - pieces.begin, pieces.new))
    return [pieces.part(order[at : at + PIECES]) for at in range(0, len(order), PIECES)]
