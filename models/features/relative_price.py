"""The price of a click relative to the prices of its category, which the network has learned."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.features.features import POSITION, PRICE, PRICE_MISSING

#: Standard deviations beyond which prices are clipped.
FURTHEST = 3.0


def with_relative_price(features: Tensor, prices: Tensor) -> Tensor:
    """Feature rows `[N, F]` in which `price_position` is the relative price instead of the category's row.

    `prices` [PRICE_ROWS, 2] has the mean of the log prices of each category and 1 / their standard deviation.
    The relative price is (log price - mean) / deviation; 0 where the price is missing.
    """
    # A NaN must reach the output, where it is refused, and must not be used as a row number.
    row = features[:, POSITION].nan_to_num().long().clamp(0, len(prices) - 1)
    level, precision = F.embedding(row, prices).unbind(1)
    above = ((features[:, PRICE] - level) * precision).clamp(-FURTHEST, FURTHEST)
    above = above * (1 - features[:, PRICE_MISSING])
    return torch.cat([features[:, :POSITION], above[:, None], features[:, POSITION + 1 :]], 1)
