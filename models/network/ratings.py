"""The expected rating without the network: the shrunk mean of the item and that of the visitor.

An item has the mean of its ratings, drawn to its category's mean, and that is drawn to the mean of all. A
visitor adds the mean distance of the ratings given so far from the mean of all, drawn to zero. Source: Koren
2009, "Collaborative filtering with temporal dynamics", section 2 (baseline predictors). The network predicts
the remainder.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.features.features import NAMES
from models.features.vocabulary import Sizes

#: Columns of the number of ratings that the visitor has given (log1p), and of their mean.
COLUMNS: Final = NAMES.index("ratings_given"), NAMES.index("rating_mean")
_COUNT, _MEAN = COLUMNS
#: Shrinkage, in ratings, before it was fitted.
PULL: Final = 10.0


class Ratings(nn.Module):
    """Tables of expected ratings.

    `items` [1 + V] and `categories` [C] are expected ratings by row of the vocabulary, row 0 for none.
    `visitors` [2] has the global mean and the shrinkage of a visitor's mean, in ratings. `bounds` [2] are the
    lowest and the highest rating. `trust` is the factor of the network's residual.
    """

    items: Tensor
    categories: Tensor
    visitors: Tensor
    bounds: Tensor
    trust: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.register_buffer("items", torch.zeros(1 + sizes.items))
        self.register_buffer("categories", torch.zeros(sizes.category_rows))
        self.register_buffer("visitors", torch.tensor([0.0, PULL]))
        self.register_buffer("bounds", torch.tensor([0.0, 10.0]))
        self.register_buffer("trust", torch.ones(()))

    def forward(self, rows: Tensor, features: Tensor) -> Tensor:
        """Expected ratings `[N]` of clicks' items from rows `[N, FIELDS]` and feature rows `[N, F]`.

        An unknown item has the mean of its category; without a category, the global mean.
        """
        item, category = rows[:, 0], rows[:, 1] - self.sizes.offsets[1]
        known = (item > 0) & (item <= self.sizes.items)
        expected = torch.where(known, self.items[torch.where(known, item, 0)], self.categories[category])
        mean, pull = self.visitors
        count = features[:, _COUNT].expm1()
        made: Tensor = expected + (features[:, _MEAN] - mean) * count / (count + pull)
        return made

    def answers(self, beyond: NDArray[np.float32], rows: Tensor, features: Tensor) -> NDArray[np.float32]:
        """Ratings float32 `[N]` from the network's residuals `beyond`; NaN where the residual is NaN."""
        means = self(rows, features).cpu().numpy()
        low, high = self.bounds.tolist()
        made: NDArray[np.float32] = np.clip(means + float(self.trust) * beyond, low, high)
        return made
