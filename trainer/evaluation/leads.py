"""How far one model is ahead of another in any metric, with an interval over visitors."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
Metric = Callable[[Any, Any], float]
#: Number of visitor groups, each left out once (delete-a-group jackknife; Kott 2001), and the t quantile for
#: 95% with so few groups.
GROUPS: Final = 20
_QUANTILE: Final = 2.09


class Lead(NamedTuple):
    """Difference between two models in a metric, with its 95% interval."""

    by: float
    low: float
    high: float


def lead(metric: Metric, one: Values, other: Values, label: Values, group: NDArray[np.int64]) -> Lead:
    """Difference over all rows [N]; its interval comes from leaving out each visitor group once (`group`
    [N]).
    """
    apart = metric(one, label) - metric(other, label)
    without = []
    for number in range(GROUPS):
        kept = group != number
        without.append(metric(one[kept], label[kept]) - metric(other[kept], label[kept]))
    spread = np.sqrt((GROUPS - 1) / GROUPS * np.square(np.array(without) - np.mean(without)).sum())
    width = _QUANTILE * float(spread)
    return Lead(float(apart), float(apart) - width, float(apart) + width)
