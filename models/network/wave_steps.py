"""Steps of encoders that carry a state as matrix products, for processors that want many rows at once.

All visitors' first clicks of a chunk are one wave, their second clicks the next. A wave's steps run on blocks
of a fixed size, because a matrix product's last bits depend on its shape.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.network.kernels.recurrence_kernels import Matrix, Row
from models.state.segments import rank_in_group

#: Rows of a step. A wave's last block is padded to it.
ROWS = 64


class Cell(Protocol):
    """One layer's step from click to click. Of the `units` of its state the first `hidden` are its output."""

    hidden: int
    units: int
    #: From a layer's inputs to gates: weights [I, G] and bias [G].
    into: Tensor
    bias: Tensor

    def step(self, state: Tensor, gates: Tensor) -> Tensor:
        """The state `[R, units]` after a click with gates `[R, G]`."""
        ...

    def arrays(self) -> tuple[Matrix, Row, Matrix, Row]:
        """The layer as `models.network.recurrence_kernels.Layers` has it."""
        ...


class WaveSteps:
    """See `models.network.recurrence.Steps`; `gates` [R, G] is what a row of the table adds to a click's."""

    def __init__(self, gates: Tensor, cells: Sequence[Cell], kept: torch.dtype) -> None:
        self._gates, self._cells, self._kept = gates, cells, kept
        self._hidden = cells[-1].hidden
        self._output = sum(cell.units for cell in cells[:-1])

    def __call__(
        self, carried: Tensor, slots: NDArray[np.int64], fresh: NDArray[np.bool_], rows: NDArray[np.int64]
    ) -> Tensor:
        """Wave after wave; outputs are put back into the order of the clicks."""
        order, ends = waves(slots)
        device = carried.device
        inputs = self._inputs(rows[order])
        where, anew = (torch.from_numpy(array[order]).to(device) for array in (slots, fresh))
        states = torch.empty(len(slots), self._hidden, device=device)
        for start, stop in pairwise([0, *ends]):
            before = carried.index_select(0, where[start:stop]).masked_fill_(anew[start:stop, None], 0)
            after = self._wave(before, inputs[start:stop]).to(self._kept).float()
            states[start:stop] = after[:, self._output : self._output + self._hidden]
            carried.index_copy_(0, where[start:stop], after)
        ordered = torch.empty_like(states)
        ordered[torch.from_numpy(order).to(device)] = states
        return ordered

    def _inputs(self, rows: NDArray[np.int64]) -> Tensor:
        """The lowest layer's gates `[N, G]` of N clicks."""
        where = torch.from_numpy(rows).to(self._gates.device)
        return F.embedding_bag(where, self._gates, mode="sum").add_(self._cells[0].bias)

    def _wave(self, before: Tensor, inputs: Tensor) -> Tensor:
        """States `[W, units]` after a click each, in blocks."""
        after = torch.empty_like(before)
        for at in range(0, len(before), ROWS):
            state, gates = before[at : at + ROWS], inputs[at : at + ROWS]
            missing = ROWS - len(state)
            if missing:
                state, gates = F.pad(state, (0, 0, 0, missing)), F.pad(gates, (0, 0, 0, missing))
            after[at : at + ROWS] = self._step(state, gates)[: ROWS - missing]
        return after

    def _step(self, state: Tensor, gates: Tensor) -> Tensor:
        """All layers' states `[ROWS, units]` after a click each."""
        if len(self._cells) == 1:
            return self._cells[0].step(state, gates)
        parts = torch.split(state, [cell.units for cell in self._cells], 1)
        made = [self._cells[0].step(parts[0], gates)]
        for below, cell, part in zip(self._cells, self._cells[1:], parts[1:], strict=False):
            gates = torch.addmm(cell.bias, made[-1][:, : below.hidden], cell.into)
            made.append(cell.step(part, gates))
        return torch.cat(made, 1)


def waves(slots: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
    """Clicks ordered so that wave j holds the j-th click of each slot; and where each wave ends."""
    order = np.argsort(slots, kind="stable")
    rank = rank_in_group(slots[order])
    return order[np.argsort(rank, kind="stable")], np.cumsum(np.bincount(rank)).tolist() if len(order) else []
