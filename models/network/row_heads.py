"""The heads of a network as arrays for compiled kernels: how processors serve them, click by click."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.features.features import POSITION, PRICE, PRICE_MISSING
from models.features.relative_price import FURTHEST
from models.network.kernels import head_kernels
from models.network.network import Network

Floats = NDArray[np.float32]
_PRICE: Final = np.array([POSITION, PRICE, PRICE_MISSING])


class RowHeads:
    """Raw outputs of purchase intent and of the further heads; a row depends on no other row."""

    def __init__(self, network: Network) -> None:
        tasks = network.tasks
        layers = [_linear(network.intent[0]), *([_linear(tasks.trunk[0])] if tasks is not None else [])]
        output = _linear(network.intent[3])
        second = (
            (tasks.out.weight, tasks.out.bias) if tasks is not None else (torch.zeros(0, 0), torch.zeros(0))
        )
        prices = _array(network.prices)
        self._price = prices, _PRICE, np.float32(FURTHEST)
        self._first = _unnormalised(network, layers)
        self._intent = _array(output.weight[0]), np.float32(output.bias.item())
        self._second = _array(second[0].T), _array(second[1])

    def outputs(self, states: Floats, features: Floats) -> tuple[Floats, Floats, bool]:
        """Logits of purchase intent [N] and raw outputs [N, R] of states [N, H] and feature rows [N, F].

        The last value says whether all raw outputs are finite.
        """
        logits = np.empty(len(states), dtype=np.float32)
        raw = np.empty((len(states), len(self._second[1])), dtype=np.float32)
        weights = self._price, self._first, self._intent, self._second
        finite = head_kernels.outputs(states, features, *weights, logits, raw)
        return logits, raw, finite


class RowQueries:
    """As `Network.queries`: queries [N, E] of states [N, H]; a row depends on no other row."""

    def __init__(self, network: Network) -> None:
        self._weights, self._cosine = _array(network.query.weight.T), np.float32(network.config.cosine)

    def __call__(self, states: Floats) -> Floats:
        made = np.empty((len(states), self._weights.shape[1]), dtype=np.float32)
        head_kernels.product(states, self._weights, self._cosine, made)
        return made


def _unnormalised(network: Network, layers: list[nn.Linear]) -> tuple[Floats, Floats]:
    """Weights [H + F, I + T] and bias of layers side by side, for features that are not normalised."""
    weights = torch.cat([layer.weight for layer in layers]).double().T
    bias = torch.cat([layer.bias for layer in layers]).double()
    hidden = network.config.hidden
    scaled = weights[hidden:] * network.scale.double()[:, None]
    bias = bias - network.mean.double() @ scaled
    return _array(torch.cat([weights[:hidden], scaled])), _array(bias)


def _array(tensor: Tensor) -> Floats:
    found: Floats = tensor.detach().float().cpu().contiguous().numpy()
    return found


def _linear(layer: nn.Module) -> nn.Linear:
    assert isinstance(layer, nn.Linear)
    return layer
