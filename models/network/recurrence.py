"""Serving of recurrent encoders: one step per click, with equal bits however the clicks are chunked.

The input projection of every table row is computed once, so that a click's gates are a sum of rows. Steps run
on blocks of a fixed size, because the last bits of a matrix product depend on its shape. The state is rounded
to fp16, the format of the visitor's record, after every click.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.features.batch import Batch
from models.network.encoder import Rows
from models.state.codes import CODE
from models.state.segments import rank_in_group

#: Rows of a step; the last block of a chunk is padded.
ROWS = 64


class Cell(Protocol):
    """One layer. The state has `units` numbers, of which the first `hidden` are the output."""

    hidden: int
    units: int
    #: Input projection: weights [I, G] and bias [G].
    into: Tensor
    bias: Tensor

    def step(self, state: Tensor, gates: Tensor) -> Tensor:
        """The state `[R, units]` after a click with gates `[R, G]`."""
        ...


class Recurrence:
    """Stacked cells over an input table of R rows; `kept` is the dtype of stored states."""

    def __init__(self, table: Tensor, cells: Sequence[Cell], rows: Rows, kept: str = "float16") -> None:
        self.rows, self.cells = rows, cells
        self.gates = (table.detach() @ cells[0].into).contiguous()
        self.units, self.hidden = sum(cell.units for cell in cells), cells[-1].hidden
        #: Offset of the highest layer's output in the state.
        self.output = self.units - cells[-1].units
        self._stored, self._rounded = np.dtype(kept), getattr(torch, kept)
        self.width = self._stored.itemsize * self.units

    def states(self, batch: Batch, model: int) -> tuple[Tensor, NDArray[Any]]:
        """See `models.network.encoder.Serving`."""
        carried = self._before(batch, model)
        order, ends = batch.waves()
        device = carried.device
        slots = torch.from_numpy(batch.slot[order]).long().to(device)
        fresh = torch.from_numpy(batch.fresh[order]).to(device)
        advanced = self.advance(carried, slots, fresh, self.inputs(batch.codes[order]), ends)
        states = torch.empty_like(advanced)
        states[torch.from_numpy(order).to(device)] = advanced
        return states, carried.to(self._rounded).cpu().numpy()

    def rebuilt(self, history: list[bytes]) -> NDArray[Any]:
        """See `models.network.encoder.Serving`."""
        carried = torch.zeros(len(history), self.units, device=self.gates.device)
        slots = [slot for slot, past in enumerate(history) if past]
        if slots:
            self._rebuild(carried, slots, history)
        return carried.to(self._rounded).cpu().numpy()

    def inputs(self, codes: NDArray[np.void]) -> Tensor:
        """Input gates `[N, G]` of the lowest layer."""
        where = torch.from_numpy(self.rows(codes)).to(self.gates.device)
        return F.embedding_bag(where, self.gates, mode="sum").add_(self.cells[0].bias)

    def advance(
        self, carried: Tensor, slots: Tensor, fresh: Tensor, inputs: Tensor, ends: list[int]
    ) -> Tensor:
        """Advance states `[B, units]` in place through clicks in wave order; the output after each `[N, H]`.

        `slots`, `fresh` and `inputs` are in wave order, `ends` are the ends of the waves; a wave has a slot
        at most once.
        """
        states = torch.empty(len(slots), self.hidden, device=carried.device)
        for start, stop in pairwise([0, *ends]):
            where = slots[start:stop]
            before = carried.index_select(0, where).masked_fill_(fresh[start:stop, None], 0)
            after = self._wave(before, inputs[start:stop]).to(self._rounded).float()
            states[start:stop] = after[:, self.output : self.output + self.hidden]
            carried.index_copy_(0, where, after)
        return states

    def _wave(self, before: Tensor, inputs: Tensor) -> Tensor:
        """States `[W, units]` after one click each, in blocks."""
        after = torch.empty_like(before)
        for at in range(0, len(before), ROWS):
            state, gates = before[at : at + ROWS], inputs[at : at + ROWS]
            missing = ROWS - len(state)
            if missing:
                state, gates = F.pad(state, (0, 0, 0, missing)), F.pad(gates, (0, 0, 0, missing))
            after[at : at + ROWS] = self._step(state, gates)[: ROWS - missing]
        return after

    def _step(self, state: Tensor, gates: Tensor) -> Tensor:
        """States `[ROWS, units]` of all layers after one click each."""
        if len(self.cells) == 1:
            return self.cells[0].step(state, gates)
        parts = torch.split(state, [cell.units for cell in self.cells], 1)
        made = [self.cells[0].step(parts[0], gates)]
        for below, cell, part in zip(self.cells, self.cells[1:], parts[1:], strict=False):
            gates = torch.addmm(cell.bias, made[-1][:, : below.hidden], cell.into)
            made.append(cell.step(part, gates))
        return torch.cat(made, 1)

    def _before(self, batch: Batch, model: int) -> Tensor:
        """States before the chunk `[B, units]`: the stored ones; stale ones are rebuilt from codes."""
        stored, stale = list(batch.hidden), batch.stale(model, self.width)
        for slot in stale:
            stored[slot] = bytes(self.width)
        array = np.frombuffer(b"".join(stored), dtype=self._stored).astype(np.float32)
        carried = torch.from_numpy(array.reshape(-1, self.units)).to(self.gates.device)
        replayed = [slot for slot in stale if batch.history[slot] and slot not in batch.restarting]
        if replayed:
            self._rebuild(carried, replayed, batch.history)
        return carried

    def _rebuild(self, carried: Tensor, stale: list[int], history: list[bytes]) -> None:
        """Replay the codes of the stale slots, all visitors in parallel, into `carried`."""
        codes = np.frombuffer(b"".join(history[slot] for slot in stale), dtype=CODE)
        numbers = np.repeat(np.arange(len(stale)), [len(history[slot]) // CODE.itemsize for slot in stale])
        rank = rank_in_group(numbers)
        order = np.argsort(rank, kind="stable")
        slots = torch.from_numpy(np.array(stale)[numbers[order]]).to(carried.device)
        ends = np.cumsum(np.bincount(rank)).tolist()
        self.advance(
            carried, slots, torch.zeros_like(slots, dtype=torch.bool), self.inputs(codes[order]), ends
        )
