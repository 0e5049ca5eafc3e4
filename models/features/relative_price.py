"""Where a price stands among its category's: an input that only a fitted table can give."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.features.features import POSITION, PRICE, PRICE_MISSING

#: Further away than this many spreads, prices are alike.
FURTHEST = 3.0


def with_relative_price(features: Tensor, prices: Tensor) -> Tensor:
    """Feature rows `[N, F]` with the price's position in the place of its category's number.

    `prices` [PRICE_ROWS, 2] has by category the mean of prices' logarithms and 1 / their spread. 0 where the
    price is missing.
    """
    # What is not a number must come out as such, to be refused, and not point outside the table.
    row = features[:, POSITION].nan_to_num().long().clamp(0, len(prices) - 1)
    level, precision = F.embedding(row, prices).unbind(1)
    above = ((features[:, PRICE] - level) * precision).clamp(-FURTHEST, FURTHEST)
    above = above * (1 - features[:, PRICE_MISSING])
    return torch.cat([features[:, :POSITION], above[:, None], features[:, POSITION + 1 :]], 1)
