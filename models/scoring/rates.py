"""Purchase probability without a network: how often sessions that got as far as this one went on to buy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features import features

#: How many observations the built-in rates are worth against a version's own counts (Beta prior).
PRIOR_STRENGTH = 50.0
#: By stage: looked only, put in the cart, began the checkout, bought. From a merchandise store's log.
PRIOR_RATES = (0.02, 0.20, 0.40, 0.10)


@dataclass(frozen=True, slots=True)
class StageRates:
    """Clicks seen in each of the four stages, and those of them that a purchase followed in the session."""

    seen: tuple[float, float, float, float]
    bought: tuple[float, float, float, float]

    @classmethod
    def count(cls, stages: NDArray[np.uint8], labels: NDArray[np.float32]) -> "StageRates":
        """From clicks' stages [N] and whether a purchase followed [N]."""
        seen = np.bincount(stages, minlength=4)[:4].tolist()
        bought = np.bincount(stages, weights=labels, minlength=4)[:4].tolist()
        return cls(tuple(seen), tuple(bought))

    def probabilities(self) -> NDArray[np.float32]:
        """Posterior means by stage [4], under the built-in Beta prior."""
        prior = np.array(PRIOR_RATES)
        rates = (np.array(self.bought) + PRIOR_STRENGTH * prior) / (np.array(self.seen) + PRIOR_STRENGTH)
        return rates.astype(np.float32)

    def purchase(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Purchase probability [N] of clicks with these feature rows [N, F]."""
        return self.probabilities()[features.stages(rows)]


#: What is assumed before anything was learned.
BUILT_IN = StageRates((0, 0, 0, 0), (0, 0, 0, 0))
