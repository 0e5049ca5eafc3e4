"""Full ranking: where the true next item stands among all items."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from trainer.logs.session_files import Ints, Sessions

#: Scores of sessions over all items: float [S, V], higher is likelier.
Score = Callable[[Sessions], NDArray[np.floating]]
#: Sessions that are scored together: 512 rows of 40,000 fp32 scores are 80 MB.
BLOCK = 512


def ranks(score: Score, prefixes: Sessions, targets: Ints) -> Ints:
    """1-based rank of each target `[T]` among all items; 0 where the target is unknown (-1).

    Ties are conservative: items that score the same as the target stand before it, so a method that gives
    everything the same score finds nothing. Raises ValueError for scores that are not a number.
    """
    found = np.zeros(len(targets), dtype=np.int64)
    for start in range(0, len(targets), BLOCK):
        stop = min(start + BLOCK, len(targets))
        found[start:stop] = ranks_of(score(prefixes.part(start, stop)), targets[start:stop])
    return found


def ranks_of(scores: NDArray[np.floating], targets: Ints) -> Ints:
    """`ranks` of one block of scores `[T, V]`."""
    own = scores[np.arange(len(targets)), targets]
    # A sum is a number if all its parts are, and costs no mask of the block's size.
    if np.isnan(scores.sum()):
        raise ValueError("some scores are not numbers; nothing can be ranked")
    return np.where(targets < 0, 0, (scores >= own[:, None]).sum(1))


def figures(found: Ints, k: int = 20) -> dict[str, float]:
    """recall@k and mean reciprocal rank at k of ranks, 0 for a miss."""
    recall, mrr = quality_metrics.at_ranks(np.where(found <= k, found, 0))
    return {f"recall@{k}": recall, f"mrr@{k}": mrr}
