"""The population stability index, a distance between two distributions (Siddiqi 2006, "Credit Risk
Scorecards").

It is the sum over bins of (q - p) ln(q / p), for shares p of the reference and q of the new values. Without a
change it is about chi-square over the harmonic size of both samples (Yurdakul 2018, "Statistical properties
of population stability index"); this gives the threshold that chance alone does not exceed.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

#: Bins of a reference, divided at its own quantiles.
BINS = 10
#: Confidence that an index above `Histogram.chance` is not chance.
SURE = 0.999


class Histogram(NamedTuple):
    """Shares `[K + 1]` of the values up to each of the edges `[K]`, and above the last edge."""

    edges: list[float]
    shares: list[float]

    @classmethod
    def of(cls, values: NDArray[Any]) -> "Histogram":
        """The histogram of a reference `[N]`."""
        edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
        return cls([float(f"{edge:.6g}") for edge in edges], _shares(values, edges))

    def stability(self, values: NDArray[Any]) -> float:
        """Population stability index of `values` `[N]` against this histogram; 0 for the reference itself."""
        one, other = np.array(self.shares), np.array(_shares(values, np.array(self.edges)))
        # An empty bin would make the index infinite, so it counts as a share of half a value in a thousand.
        one, other = np.maximum(one, 5e-4), np.maximum(other, 5e-4)
        return float(((other - one) * np.log(other / one)).sum())

    def chance(self, one: int, other: int) -> float:
        """The index that samples of sizes `one` and `other` stay below (with confidence SURE) if nothing has
        changed.
        """
        degrees = max(1, len(self.edges))
        return float(chi2.ppf(SURE, degrees) * (1 / max(1, one) + 1 / max(1, other)))


def _shares(values: NDArray[Any], edges: NDArray[Any]) -> list[float]:
    # Edges are stored with six digits: a value equal to an edge must not fall on its other side.
    rounded = edges + np.abs(edges) * 1e-5
    counts = np.bincount(np.searchsorted(rounded, values), minlength=len(edges) + 1)
    return [round(float(share), 5) for share in counts / max(1, len(values))]
