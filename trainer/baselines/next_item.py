"""Next-item baselines without gradients: each trains on sessions and returns a function that scores session
prefixes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.scoring import session_index
from models.scoring.session_knn import Neighbourhood, without_repeats
from trainer.baselines.ranking import Score
from trainer.logs.session_files import Ints, Sessions

#: Largest distance, in clicks, between the two items of a rule.
REACH = 10
#: Limits and decays of the session index, chosen on the newest sessions of both training files.
KNN = session_index.NeighbourSettings(
    last_items=10, sessions_per_item=1000, neighbours=500, longest=50, item_decay=2.0, distance_decay=4.0
)


def popularity(train: Sessions, items: int) -> Score:
    """Score an item by its number of clicks in training, whatever the session."""
    counts = np.bincount(train.items, minlength=items).astype(np.float32)
    return lambda sessions: np.broadcast_to(counts, (len(sessions), items))


def item_knn(train: Sessions, items: int) -> Score:
    """Score an item by the cosine of the sets of sessions that contain it and the last item (Sarwar et al.
    2001).
    """
    met = _matrix(train.numbers, train.items, (len(train), items))
    met.data[:] = 1
    together = (met.T @ met).tocsr()
    norms = np.sqrt(together.diagonal())
    together.setdiag(0)
    scale = sparse.diags(1 / np.maximum(norms, 1))
    return _following((scale @ together @ scale).tocsr())


def association_rules(train: Sessions, items: int) -> Score:
    """Score an item by the number of sessions that contain it and the last item (Ludewig, Jannach 2018)."""
    met = _matrix(train.numbers, train.items, (len(train), items))
    together = (met.T @ met).tocsr()
    together.setdiag(0)
    return _following(together)


def sequential_rules(train: Sessions, items: int) -> Score:
    """Score an item by how often it followed the last item, weighted by 1 / distance in clicks (Ludewig,
    Jannach 2018).
    """
    numbers, total = train.numbers, sparse.csr_matrix((items, items), dtype=np.float32)
    for step in range(1, REACH + 1):
        same = numbers[step:] == numbers[:-step]
        before, after = train.items[:-step][same], train.items[step:][same]
        total = total + _matrix(before, after, (items, items)) / step
    return _following(total.tocsr())


def vstan(train: Sessions, items: int) -> Score:
    """Score items by the session kNN of serving (`models.scoring.session_knn`), over all training sessions.

    The files hold sessions in order but no times: the oldest session weighs 1/e of the newest.
    """
    days = KNN.recency_days * train.numbers / max(1, len(train))
    index = session_index.build(train.numbers, train.items, days, items, KNN)
    near = Neighbourhood(index, items, KNN)

    def score(sessions: Sessions) -> NDArray[np.float64]:
        clicks, similar, values = near.scores(without_repeats(sessions.recent(KNN.last_items)))
        scores = np.zeros((len(sessions), items))
        scores[clicks, similar] = values
        return scores

    return score


def _matrix(rows: Ints, columns: Ints, shape: tuple[int, int]) -> "sparse.csr_matrix":
    """Sparse matrix that counts pairs of row and column."""
    return sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)


def _following(table: "sparse.csr_matrix") -> Score:
    """Score by the table's row of each session's last item; zeros for an empty session."""

    def score(sessions: Sessions) -> NDArray[np.float32]:
        last = sessions.recent(1)[:, 0]
        rows = table[np.maximum(last, 0)].toarray()
        rows[last < 0] = 0
        scores: NDArray[np.float32] = rows
        return scores

    return score


#: By name. To add a baseline, add one entry here: every report and benchmark then includes it. These
#: baselines never block a promotion.
COUNTING: dict[str, Callable[[Sessions, int], Score]] = {
    "popularity": popularity,
    "item_knn": item_knn,
    "association_rules": association_rules,
    "sequential_rules": sequential_rules,
    "vstan": vstan,
}
