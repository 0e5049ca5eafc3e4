"""The network of the kind `dqn` while it is trained; `models.policies.deep_head` serves it."""

import itertools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float64]


class DuelingNetwork(nn.Module):
    """Values [B, k] of inputs [B, p] for actions with features `rows` [k, q]."""

    rows: Tensor

    def __init__(self, rows: Floats, width: int, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("rows", torch.from_numpy(rows).float(), persistent=False)
        sizes = [width, *hidden]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(sizes))
        self.value = nn.Linear(sizes[-1], 1)
        self.advantage = nn.Linear(sizes[-1], rows.shape[1])
        self._initialise(generator)

    def _initialise(self, generator: torch.Generator) -> None:
        """From the generator alone, so that other users of torch's randomness change nothing."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
                nn.init.zeros_(module.bias)
        with torch.no_grad():  # values begin near 0
            self.value.weight *= 0.1
            self.advantage.weight *= 0.1

    def forward(self, inputs: Tensor) -> Tensor:
        """Q = V + A - mean of A."""
        for layer in self.layers:
            inputs = torch.relu(layer(inputs))
        advantages = self.advantage(inputs) @ self.rows.T
        values: Tensor = self.value(inputs) + advantages - advantages.mean(1, keepdim=True)
        return values

    def tensors(self, scale: float) -> dict[str, NDArray[Any]]:
        """As `DeepHead` reads them, with values in units of reward (`scale` rewards are 1 in training)."""
        found: dict[str, NDArray[Any]] = {}
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, nn.Linear)
            found |= {f"layer{number}": _array(layer.weight.T), f"bias{number}": _array(layer.bias)}
        value = torch.cat([self.value.weight[0], self.value.bias])
        advantage = torch.cat([self.advantage.weight.T, self.advantage.bias[None]])
        return {**found, "value": scale * _array(value), "advantage": scale * _array(advantage)}


def _array(tensor: Tensor) -> NDArray[Any]:
    found: NDArray[Any] = tensor.detach().double().cpu().contiguous().numpy()
    return found
