"""The session-kNN rung: what the sessions most like this one went on to look at.

VSTAN (Ludewig, Mauro, Latifi, Jannach 2021, "Empirical analysis of session-based recommendation algorithms"),
which adds inverse document frequency to STAN (Garg, Gupta, Malhotra, Vig, Shroff 2019, "Sequence and time
aware neighborhood"): items count by how lately they were seen, sessions by how recent they are, a neighbour's
items by how near they are to the item shared. All clicks of a batch go through each step together.
"""

import numpy as np
from numpy.typing import NDArray

from models import retrieval
from models.batching import Batch
from models.predictions import Rung
from models.ragged import expand, rank_in_group
from models.rates import StageRates
from models.scores import RUNGS, TOP, Scores
from models.session_index import Floats, Index, Ints, Settings
from models.vocabulary import Vocabulary

#: Item scores in memory at once (8 bytes each).
BLOCK_TOTALS = 1_000_000


class NeighbourScorer:
    """Answers the clicks whose session has neighbours; the rows of others are empty (item -1)."""

    def __init__(
        self,
        index: Index,
        vocabulary: Vocabulary,
        rates: StageRates,
        version: str,
        settings: Settings | None = None,
    ) -> None:
        self.version, self.vocabulary = version, vocabulary
        self._index, self._rates, self._settings = index, rates, settings or Settings()

    def score(self, batch: Batch) -> Scores:
        """Answer N clicks from the items of their running sessions."""
        recent = self._recent(batch)
        rows = max(1, BLOCK_TOTALS // max(1, len(self.vocabulary.ids)))
        current = self.vocabulary.lookup(batch.codes["item"])
        parts = [
            self._block(recent[at : at + rows], current[at : at + rows]) for at in range(0, len(recent), rows)
        ]
        items = np.concatenate([part.items for part in parts])
        scores = np.concatenate([part.scores for part in parts])
        rung = np.full(len(batch), RUNGS.index(Rung.SESSION_KNN), dtype=np.uint8)
        return Scores(self._rates.purchase(batch.features), items, scores, self.vocabulary.names, rung)

    def _recent(self, batch: Batch) -> Ints:
        """The last known items of each click's session `[N, L]`, newest first; -1 for none, or repeated."""
        codes, place, session = batch.trails
        items = self.vocabulary.lookup(codes["item"])
        seen = np.concatenate([[0], np.cumsum(items >= 0)])
        back = seen[place + 1][:, None] - 1 - np.arange(self._settings.last_items)
        known = np.append(items[items >= 0], -1)
        recent = np.where(back >= seen[session][:, None], known[np.maximum(back, 0)], -1)
        for column in range(1, recent.shape[1]):
            repeated = (recent[:, :column] == recent[:, column : column + 1]).any(1)
            recent[repeated, column] = -1
        return recent

    def _block(self, recent: Ints, current: Ints) -> retrieval.Ranked:
        clicks, sessions, weights, anchors = self._neighbours(recent)
        totals = self._item_scores(clicks, sessions, weights, anchors, len(recent))
        rows = np.flatnonzero(current >= 0)
        totals[rows, current[rows]] = 0
        totals[totals <= 0] = -np.inf
        return retrieval.best(totals, TOP)

    def _neighbours(self, recent: Ints) -> tuple[Ints, Ints, Floats, Ints]:
        """The strongest neighbours of each click: (click, session, weight, newest shared item), flat."""
        index, settings = self._index, self._settings
        clicks, ages = np.nonzero(recent >= 0)
        shared = recent[clicks, ages]
        source, at = expand(index.bounds[shared], index.bounds[shared + 1])
        sessions = index.postings[at].astype(np.int64)
        strength = (np.exp(-ages / settings.item_decay) * index.idf[shared].astype(np.float64))[source]
        pairs, first, inverse = np.unique(
            clicks[source] * len(index.recency) + sessions, return_index=True, return_inverse=True
        )
        click, session = np.divmod(pairs, max(1, len(index.recency)))
        weight = np.bincount(inverse, strength, minlength=len(pairs)) * index.recency[session]
        order = np.lexsort((-session, -weight, click))
        order = order[rank_in_group(click[order]) < settings.neighbours]
        # Ages ascend within a click, so a pair's first entry is the newest item that it shares.
        return click[order], session[order], weight[order], shared[source][first[order]]

    def _item_scores(
        self, clicks: Ints, sessions: Ints, weights: Floats, anchors: Ints, rows: int
    ) -> NDArray[np.float32]:
        """Sum over neighbours of weight x closeness to the shared item x idf: `[rows, V]`."""
        index, count = self._index, len(self.vocabulary.ids)
        source, at = expand(index.starts[sessions], index.starts[sessions + 1])
        items = index.items[at].astype(np.int64)
        anchor = np.zeros(len(sessions), dtype=np.int64)
        hit = items == anchors[source]
        anchor[source[hit]] = at[hit]
        closeness = np.exp(-np.abs(at - anchor[source]) / self._settings.distance_decay)
        values = weights[source] * closeness * index.idf[items]
        totals = np.bincount(clicks[source] * count + items, values, minlength=rows * count)
        return totals.reshape(rows, count).astype(np.float32)
