"""Serving encoders that carry a state: one step per click, the same bits however clicks are chunked.

The input projection of every table row is computed once, so that a click's gates are a sum of its rows.
Steps run on blocks of a fixed size, because a matrix product's last bits depend on its shape; the state is
rounded to fp16 after every click, which is how the visitor's record keeps it.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.batching import Batch
from models.codes import CODE
from models.encoding import Rows
from models.ragged import rank_in_group

#: Rows of a step. A chunk's last block is padded to it.
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


class Recurrence:
    """Cells one above the other over an input table of R rows; `kept` is the type of stored states."""

    def __init__(self, table: Tensor, cells: Sequence[Cell], rows: Rows, kept: str = "float16") -> None:
        self.rows, self.cells = rows, cells
        self.gates = (table.detach() @ cells[0].into).contiguous()
        self.units, self.hidden = sum(cell.units for cell in cells), cells[-1].hidden
        #: Where the highest layer's output stands in the state.
        self.output = self.units - cells[-1].units
        self._stored, self._rounded = np.dtype(kept), getattr(torch, kept)

    def states(self, batch: Batch, model: int) -> tuple[Tensor, NDArray[Any]]:
        """See `models.encoding.Serving`."""
        carried = self._before(batch, model)
        order, ends = batch.waves()
        device = carried.device
        slots = torch.from_numpy(batch.slot[order]).long().to(device)
        fresh = torch.from_numpy(batch.fresh[order]).to(device)
        walked = self.walk(carried, slots, fresh, self.inputs(batch.codes[order]), ends)
        states = torch.empty_like(walked)
        states[torch.from_numpy(order).to(device)] = walked
        return states, carried.to(self._rounded).cpu().numpy()

    def inputs(self, codes: NDArray[np.void]) -> Tensor:
        """The lowest layer's gates `[N, G]` of N clicks."""
        where = torch.from_numpy(self.rows(codes)).to(self.gates.device)
        return F.embedding_bag(where, self.gates, mode="sum").add_(self.cells[0].bias)

    def walk(self, carried: Tensor, slots: Tensor, fresh: Tensor, inputs: Tensor, ends: list[int]) -> Tensor:
        """Advance states `[B, units]` in place through clicks in wave order; the output after each `[N, H]`.

        `slots`, `fresh` and `inputs` are in wave order, `ends` says where each wave ends; no slot is twice in
        a wave.
        """
        states = torch.empty(len(slots), self.hidden, device=carried.device)
        block, gates = carried.new_zeros(ROWS, self.units), inputs.new_zeros(ROWS, inputs.shape[1])
        for start, stop in _blocks(ends):
            size, where = stop - start, slots[start:stop]
            block[:size] = carried[where].masked_fill_(fresh[start:stop, None], 0)
            gates[:size] = inputs[start:stop]
            state = self._step(block, gates)[:size]
            states[start:stop] = state[:, self.output : self.output + self.hidden]
            carried[where] = state
        return states

    def _step(self, state: Tensor, gates: Tensor) -> Tensor:
        """All layers' states `[ROWS, units]` after a click each."""
        made: list[Tensor] = []
        at = 0
        for cell in self.cells:
            if made:
                gates = torch.addmm(cell.bias, made[-1][:, : self.cells[len(made) - 1].hidden], cell.into)
            made.append(cell.step(state[:, at : at + cell.units], gates))
            at += cell.units
        return torch.cat(made, 1).to(self._rounded).float()

    def _before(self, batch: Batch, model: int) -> Tensor:
        """States before the chunk `[B, units]`: as stored, or rebuilt from codes where they are stale."""
        stored, empty, stale = [], bytes(self._stored.itemsize * self.units), []
        for slot, packed in enumerate(batch.hidden):
            usable = len(packed) == len(empty) and not batch.is_stale(slot, model)
            stored.append(packed if usable else empty)
            if not usable and batch.history[slot]:
                stale.append(slot)
        array = np.frombuffer(b"".join(stored), dtype=self._stored).astype(np.float32)
        carried = torch.from_numpy(array.reshape(-1, self.units)).to(self.gates.device)
        if stale:
            self._rebuild(carried, stale, batch.history)
        return carried

    def _rebuild(self, carried: Tensor, stale: list[int], history: list[bytes]) -> None:
        """Replay the stored codes of the stale slots, all visitors side by side, into `carried`."""
        codes = np.frombuffer(b"".join(history[slot] for slot in stale), dtype=CODE)
        numbers = np.repeat(np.arange(len(stale)), [len(history[slot]) // CODE.itemsize for slot in stale])
        rank = rank_in_group(numbers)
        order = np.argsort(rank, kind="stable")
        slots = torch.from_numpy(np.array(stale)[numbers[order]]).to(carried.device)
        ends = np.cumsum(np.bincount(rank)).tolist()
        self.walk(carried, slots, torch.zeros_like(slots, dtype=torch.bool), self.inputs(codes[order]), ends)


def _blocks(ends: list[int]) -> list[tuple[int, int]]:
    starts = [0, *ends[:-1]]
    return [
        (at, min(at + ROWS, end))
        for start, end in zip(starts, ends, strict=True)
        for at in range(start, end, ROWS)
    ]
