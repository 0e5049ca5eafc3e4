"""Sample-ratio mismatch: the arms have other shares of the visitors than they were given.

Then visitors are lost, counted twice or assigned wrongly, and no comparison of the arms can be trusted
(Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled experiments"). The alarm may be
looked at after every visitor: it is a sequential test for multinomial counts (Lindon, Malek 2020,
"Anytime-valid inference for multinomial count data").
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

#: Level of the alarm: it is false at most this often, however often one looks.
ALARM: Final = 0.001
#: Visitors that the Dirichlet prior around the given shares is worth.
_PRIOR: Final = 100.0


def mismatch(counts: NDArray[np.int64] | Sequence[int], shares: Sequence[float]) -> NDArray[np.float64]:
    """The p-value of counts by arm [..., k] against their shares [k], valid at all times; one for each row.

    Over time take the least so far (`np.minimum.accumulate`). Raises ValueError unless shares are positive
    and sum to 1.
    """
    given, seen = np.asarray(shares, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if (given <= 0).any() or abs(given.sum() - 1) > 1e-6:
        raise ValueError(f"shares {list(shares)}; expected above 0 with a sum of 1; correct the weights")
    prior = _PRIOR * given
    log_factor = (gammaln(prior + seen) - gammaln(prior) - seen * np.log(given)).sum(-1)
    log_factor -= gammaln(_PRIOR + seen.sum(-1)) - gammaln(_PRIOR)
    return np.asarray(np.exp(-np.maximum(log_factor, 0)))
