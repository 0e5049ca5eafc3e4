"""How well predicted uplifts order visitors: uplift curve with AUUC, Qini curve with its coefficient.

Both look at the visitors with the highest predictions first, in an experiment whose treatment was random.

- Uplift curve (Gutierrez, Gerardy 2017): after the first k visitors, the difference of the mean outcomes of
  treated and untreated ones among them, times k. AUUC is its mean height over all k, per visitor.
- Qini curve (Radcliffe 2007): the treated visitors' outcomes, less the untreated ones' scaled to as many
  visitors. The Qini coefficient is the area between it and the straight line to its end, per treated visitor:
  0 for a random order.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Curves(NamedTuple):
    """Uplift and Qini curve after k = 0 ... n visitors, [n + 1], in outcome units summed over visitors."""

    uplift: Floats
    qini: Floats
    treated: int

    @property
    def auuc(self) -> float:
        """Area under the uplift curve over shares 0 to 1 of the visitors, per visitor."""
        count = len(self.uplift) - 1
        return float(np.trapezoid(self.uplift, dx=1 / count) / count)

    @property
    def qini_coefficient(self) -> float:
        """Area between Qini curve and straight line over shares 0 to 1, per treated visitor."""
        count = len(self.qini) - 1
        line = np.linspace(0, self.qini[-1], count + 1)
        return float(np.trapezoid(self.qini - line, dx=1 / count) / self.treated)


def curves(predicted: Floats, outcomes: Floats, treated: NDArray[np.bool_]) -> Curves:
    """Curves of n visitors: predicted uplifts, outcomes, and who was treated, each [n].

    Visitors of equal predictions are taken together: within them the curve is straight. Raises ValueError
    where one of the two groups is empty, or lengths differ.
    """
    if not len(predicted) == len(outcomes) == len(treated):
        raise ValueError(f"{len(predicted)} predictions, {len(outcomes)} outcomes, {len(treated)} treatments")
    if not treated.any() or treated.all():
        raise ValueError("all visitors are of one group; expected treated and untreated ones")
    order = np.argsort(-predicted, kind="stable")
    last = np.append(np.flatnonzero(np.diff(predicted[order])), len(order) - 1)
    hit, got = treated[order], outcomes[order]
    sums = [np.cumsum(values)[last] for values in (hit, ~hit, np.where(hit, got, 0), np.where(hit, 0, got))]
    count_1, count_0, sum_1, sum_0 = (values.astype(np.float64) for values in sums)
    mean_1, mean_0 = sum_1 / np.maximum(count_1, 1), sum_0 / np.maximum(count_0, 1)
    steps = np.append(0, last + 1)
    every = np.arange(len(order) + 1)
    uplift = np.interp(every, steps, np.append(0, (mean_1 - mean_0) * (last + 1)))
    qini = np.interp(every, steps, np.append(0, sum_1 - mean_0 * count_1))
    return Curves(uplift, qini, int(treated.sum()))
