"""Full ranking: the rank of the true next item among all items."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from trainer.logs.session_files import Ints, Sessions

#: Scores of sessions over all items: float [S, V]; a higher score ranks first.
Score = Callable[[Sessions], NDArray[np.floating]]
#: Sessions scored in one block: 512 rows of 40,000 fp32 scores are 80 MB.
BLOCK = 512


def ranks(score: Score, prefixes: Sessions, targets: Ints) -> Ints:
    """Rank (from 1) of each target `[T]` among all items; 0 where the target is unknown (-1).

    Ties count against the method: items with the same score as the target rank before it, so a method that
    scores all items alike finds nothing. Raises ValueError for scores that are NaN.
    """
    ranked = np.zeros(len(targets), dtype=np.int64)
    for start in range(0, len(targets), BLOCK):
        stop = min(start + BLOCK, len(targets))
        ranked[start:stop] = ranks_of(score(prefixes.part(start, stop)), targets[start:stop])
    return ranked


def ranks_of(scores: NDArray[np.floating], targets: Ints) -> Ints:
    """`ranks` for one block of scores `[T, V]`."""
    own = scores[np.arange(len(targets)), targets]
    # The sum is NaN if any score is, and needs no mask of the block's size.
    if np.isnan(scores.sum()):
        raise ValueError("some scores are not numbers; nothing can be ranked")
    return np.where(targets < 0, 0, (scores >= own[:, None]).sum(1))


def figures(ranked: Ints, k: int = 20) -> dict[str, float]:
    """recall@k and mean reciprocal rank at k of ranks, where 0 is a miss."""
    recall, mrr = quality_metrics.at_ranks(np.where(ranked <= k, ranked, 0))
    return {f"recall@{k}": recall, f"mrr@{k}": mrr}
