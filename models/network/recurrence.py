"""Serving of recurrent encoders: one step per click, with equal bits however the clicks are chunked.

The input projection of every table row is computed once, so that a click's gates are a sum of rows. The state
is rounded to fp16, the format of the visitor's record, after every click.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.batch import Batch
from models.network.encoder import Rows
from models.network.row_steps import RowSteps
from models.network.wave_steps import Cell, WaveSteps
from models.state.codes import CODE


class Steps(Protocol):
    """Advances states by clicks."""

    def __call__(
        self, carried: Tensor, slots: NDArray[np.int64], fresh: NDArray[np.bool_], rows: NDArray[np.int64]
    ) -> Tensor:
        """Advance states `[B, units]` in place by N clicks; returns the output after each `[N, H]`.

        `slots` [N] are the clicks' visitors; the clicks of a slot are in order. A `fresh` click [N] starts
        from zeros. `rows` [N, F] are the clicks' rows of the table. The bits of an output depend on the
        clicks of its slot alone.
        """
        ...


class Recurrence:
    """Stacked cells over an input table of R rows; `kept` is the dtype of stored states."""

    def __init__(self, table: Tensor, cells: Sequence[Cell], rows: Rows, kept: str = "float16") -> None:
        self._rows = rows
        self.units = sum(cell.units for cell in cells)
        self._stored, self._rounded = np.dtype(kept), getattr(torch, kept)
        self.width = self._stored.itemsize * self.units
        gates = (table.detach() @ cells[0].into).contiguous()
        self._device = gates.device
        steps = RowSteps if gates.device.type == "cpu" else WaveSteps
        self.advance: Steps = steps(gates, cells, self._rounded)

    def states(self, batch: Batch, model: int) -> tuple[Tensor, NDArray[Any]]:
        """See `models.network.encoder.Serving`."""
        carried = self._before(batch, model)
        states = self.advance(carried, batch.slot.astype(np.int64), batch.fresh, self._rows(batch.codes))
        return states, carried.to(self._rounded).cpu().numpy()

    def rebuilt(self, history: list[bytes]) -> NDArray[Any]:
        """See `models.network.encoder.Serving`."""
        carried = torch.zeros(len(history), self.units, device=self._device)
        slots = [slot for slot, past in enumerate(history) if past]
        if slots:
            self._rebuild(carried, slots, history)
        return carried.to(self._rounded).cpu().numpy()

    def _before(self, batch: Batch, model: int) -> Tensor:
        """States before the chunk `[B, units]`: the stored ones; stale ones are rebuilt from codes."""
        stored, stale = list(batch.hidden), batch.stale(model, self.width)
        for slot in stale:
            stored[slot] = bytes(self.width)
        array = np.frombuffer(b"".join(stored), dtype=self._stored).astype(np.float32)
        carried = torch.from_numpy(array.reshape(-1, self.units)).to(self._device)
        replayed = [slot for slot in stale if batch.history[slot] and slot not in batch.restarting]
        if replayed:
            self._rebuild(carried, replayed, batch.history)
        return carried

    def _rebuild(self, carried: Tensor, stale: list[int], history: list[bytes]) -> None:
        """Replay the codes of the stale slots into `carried`."""
        codes = np.frombuffer(b"".join(history[slot] for slot in stale), dtype=CODE)
        slots = np.repeat(np.array(stale), [len(history[slot]) // CODE.itemsize for slot in stale])
        self.advance(carried, slots, np.zeros(len(slots), dtype=np.bool_), self._rows(codes))
