"""Purchase probability without a network: the purchase rate of sessions that reached the same stage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features import features

#: Weight of the built-in rates, in observations (Beta prior).
PRIOR_STRENGTH = 50.0
#: Rates by stage: viewed, added to cart, began checkout, purchased. From the log of a merchandise store.
PRIOR_RATES = (0.02, 0.20, 0.40, 0.10)


@dataclass(frozen=True, slots=True)
class StageRates:
    """Numbers of clicks at each of the four stages, and of those that a purchase followed in the session."""

    seen: tuple[float, float, float, float]
    bought: tuple[float, float, float, float]

    @classmethod
    def count(cls, stages: NDArray[np.uint8], labels: NDArray[np.float32]) -> "StageRates":
        """Count clicks by their stages [N] and labels [N] (whether a purchase followed)."""
        seen = np.bincount(stages, minlength=4)[:4].tolist()
        bought = np.bincount(stages, weights=labels, minlength=4)[:4].tolist()
        return cls(tuple(seen), tuple(bought))

    def probabilities(self) -> NDArray[np.float32]:
        """Posterior mean of each stage [4], with the built-in Beta prior."""
        prior = np.array(PRIOR_RATES)
        rates = (np.array(self.bought) + PRIOR_STRENGTH * prior) / (np.array(self.seen) + PRIOR_STRENGTH)
        return rates.astype(np.float32)

    def purchase(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Purchase probability [N] of clicks with these feature rows [N, F]."""
        return self.probabilities()[features.stages(rows)]


#: Rates without any counts.
BUILT_IN = StageRates((0, 0, 0, 0), (0, 0, 0, 0))
