"""Steps of encoders that carry a state, click by click through compiled kernels: how processors serve."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.network.kernels import recurrence_kernels
from models.network.wave_steps import Cell


class RowSteps:
    """See `models.network.recurrence.Steps`; `gates` [R, G] is what a row of the table adds to a click's."""

    def __init__(self, gates: Tensor, cells: Sequence[Cell], kept: torch.dtype) -> None:
        self._gates = gates.numpy()
        self._layers = tuple(cell.arrays() for cell in cells)
        self._hidden = cells[-1].hidden
        self._lstm = cells[0].units > cells[0].hidden
        self._halve = kept == torch.float16
        # Compiled now, so that no click waits for it.
        self(torch.zeros(1, sum(cell.units for cell in cells)), *_one_click())

    def __call__(
        self, carried: Tensor, slots: NDArray[np.int64], fresh: NDArray[np.bool_], rows: NDArray[np.int64]
    ) -> Tensor:
        """Clicks in their order, each by itself."""
        states = np.empty((len(slots), self._hidden), dtype=np.float32)
        recurrence_kernels.advance(
            carried.numpy(), slots, fresh, rows, self._gates, self._layers, self._lstm, self._halve, states
        )
        return torch.from_numpy(states)


def _one_click() -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    return np.zeros(1, np.int64), np.zeros(1, np.bool_), np.zeros((1, 1), np.int64)
