"""Normalisation of the inputs: statistics of the training clicks, stored with the network's weights."""

import torch
from torch import Tensor

from models.features.features import NAMES, POSITION, PRICE, PRICE_MISSING, PRICE_ROWS
from models.network.network import Network

#: Pseudo-clicks by which a category's price statistics are shrunk to those of the whole shop.
PRIOR = 20.0


def learn(network: Network, features: Tensor, ignored: tuple[str, ...]) -> None:
    """Set mean, scale and price table from the feature rows `[N, F]` of the training clicks.

    Columns with a small spread are not scaled up: a rare country identifies a visitor, not a buyer. A column
    that never changes is left out, since its weights would stay random; so are the `ignored` features.
    """
    network.prices.copy_(prices(features))
    spread = features.std(0, correction=0)
    scale = 1 / spread.clamp_min(1.0)
    scale[spread == 0] = 0
    scale[[name.startswith(ignored) for name in NAMES]] = 0
    mean = features.mean(0)
    # When the network reads this column it already holds a value in units of the spread.
    mean[POSITION], scale[POSITION] = 0, float(scale[POSITION] > 0)
    network.mean.copy_(mean)
    network.scale.copy_(scale)


def prices(features: Tensor) -> Tensor:
    """Mean and 1 / spread of log prices by category `[PRICE_ROWS, 2]`, shrunk to the whole shop's."""
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
