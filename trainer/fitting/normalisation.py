"""What normalises the inputs: statistics of the training part, kept among the network's weights."""

import torch
from torch import Tensor

from models.features.features import NAMES, POSITION, PRICE, PRICE_MISSING, PRICE_ROWS
from models.network.network import Network

#: Clicks' worth of the whole shop's prices that a category's own are mixed with.
PRIOR = 20.0


def learn(network: Network, features: Tensor, ignored: tuple[str, ...]) -> None:
    """Set mean, scale and price table from the training part's feature rows `[N, F]`.

    Rare columns are not blown up: a country of few visitors tells one from another, not who buys. A column
    that never changes is left out, since its weights are those of chance, and so are the `ignored` ones.
    """
    network.prices.copy_(prices(features))
    spread = features.std(0, correction=0)
    scale = 1 / spread.clamp_min(1.0)
    scale[spread == 0] = 0
    scale[[name.startswith(ignored) for name in NAMES]] = 0
    mean = features.mean(0)
    # What stands there when the network reads it is in spreads already.
    mean[POSITION], scale[POSITION] = 0, float(scale[POSITION] > 0)
    network.mean.copy_(mean)
    network.scale.copy_(scale)


def prices(features: Tensor) -> Tensor:
    """Mean and 1 / spread of prices' logarithms by category `[PRICE_ROWS, 2]`, drawn to the shop's own."""
    there = features[:, PRICE_MISSING] == 0
    price, row = features[there, PRICE].double(), features[there, POSITION].long()
    if not len(price):
        return torch.zeros(PRICE_ROWS, 2)
    mean = price.mean()
    count = torch.bincount(row, minlength=PRICE_ROWS) + PRIOR
    level = (torch.bincount(row, price, PRICE_ROWS) + PRIOR * mean) / count
    apart = torch.bincount(row, (price - level[row]) ** 2, PRICE_ROWS)
    spread = ((apart + PRIOR * price.var(correction=0)) / count).sqrt()
    return torch.stack([level, 1 / spread.clamp_min(0.05)], 1).float()
