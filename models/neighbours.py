"""The session-kNN rung: what the sessions most like this one went on to look at.

VSTAN (Ludewig, Mauro, Latifi, Jannach 2021, "Empirical analysis of session-based recommendation algorithms"), which
adds inverse document frequency to STAN (Garg, Gupta, Malhotra, Vig, Shroff 2019, "Sequence and time aware
neighborhood"): items count by how lately they were seen, sessions by how recent they are, a neighbour's items by how
near they are to the item shared. All clicks of a batch go through each step together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import retrieval
from models.batching import Batch
from models.ragged import expand, rank_in_group
from models.rates import StageRates
from models.scores import RUNGS, TOP, Rung, Scores
from models.vocabulary import Vocabulary

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
#: Item scores in memory at once (8 bytes each).
BLOCK_TOTALS = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Bounds and decays; `recency_days` weighs a neighbour by its age against the newest session of the index."""

    last_items: int = 6
    sessions_per_item: int = 64
    neighbours: int = 60
    longest: int = 20
    item_decay: float = 1.5
    distance_decay: float = 2.0
    recency_days: float = 30.0


@dataclass(frozen=True, slots=True)
class Index:
    """Sessions as ragged arrays: items of session s are `items[starts[s]:starts[s + 1]]`, in order, newest s last.

    `postings[bounds[i]:bounds[i + 1]]` are the sessions that have item i, newest first, bounded; `recency` [S] weighs
    sessions, `idf` [V] items.
    """

    items: NDArray[np.int32]
    starts: Ints
    postings: NDArray[np.int32]
    bounds: Ints
    recency: NDArray[np.float32]
    idf: NDArray[np.float32]


def build(sessions: Ints, items: Ints, days: Floats, count: int, settings: Settings) -> Index:
    """An index from clicks in time order: session number, item index (of `count`), time in days of each.

    An item counts once a session, where it was first seen; sessions of one item are left out.
    """
    pairs, first = np.unique(np.stack([sessions, items], 1), axis=0, return_index=True)
    first.sort()
    sessions, items, days = sessions[first], items[first], days[first]
    order = np.argsort(sessions, kind="stable")
    kept = order[(np.bincount(sessions)[sessions[order]] > 1) & (rank_in_group(sessions[order]) < settings.longest)]
    sessions, items, days = sessions[kept], items[kept], days[kept]
    ends = _session_ends(sessions, days)
    by_age = np.argsort(ends, kind="stable")
    renumber = np.empty(len(ends), dtype=np.int64)
    renumber[by_age] = np.arange(len(ends))
    sessions = renumber[np.unique(sessions, return_inverse=True)[1]]
    order = np.argsort(sessions, kind="stable")
    return _index(sessions[order], items[order], ends[by_age], count, settings)


def _session_ends(sessions: Ints, days: Floats) -> Floats:
    last = np.flatnonzero(np.diff(sessions, append=-1))
    return days[last]


def _index(sessions: Ints, items: Ints, ends: Floats, count: int, settings: Settings) -> Index:
    starts = np.searchsorted(sessions, np.arange(len(ends) + 1))
    newest_first = np.lexsort((-sessions, items))
    newest_first = newest_first[rank_in_group(items[newest_first]) < settings.sessions_per_item]
    bounds = np.searchsorted(items[newest_first], np.arange(count + 1))
    frequency = np.bincount(items, minlength=count)
    idf = np.log1p(len(ends) / np.maximum(frequency, 1)).astype(np.float32)
    recency = np.exp((ends - ends.max(initial=0)) / settings.recency_days).astype(np.float32)
    return Index(
        items.astype(np.int32), starts, sessions[newest_first].astype(np.int32), bounds, recency, idf
    )


class NeighbourScorer:
    """Answers the clicks whose session has neighbours; the rows of others are empty (item -1)."""

    def __init__(
        self, index: Index, vocabulary: Vocabulary, rates: StageRates, version: str, settings: Settings | None = None
    ) -> None:
        self.version, self.vocabulary = version, vocabulary
        self._index, self._rates, self._settings = index, rates, settings or Settings()

    def score(self, batch: Batch) -> Scores:
        """Answer N clicks from the items of their running sessions."""
        recent = self._recent(batch)
        rows = max(1, BLOCK_TOTALS // max(1, len(self.vocabulary.ids)))
        current = self.vocabulary.lookup(batch.codes["item"])
        parts = [self._block(recent[at : at + rows], current[at : at + rows]) for at in range(0, len(recent), rows)]
        items = np.concatenate([part.items for part in parts])
        scores = np.concatenate([part.scores for part in parts])
        rung = np.full(len(batch), RUNGS.index(Rung.SESSION_KNN), dtype=np.uint8)
        return Scores(self._rates.purchase(batch.features), items, scores, self.vocabulary.names, rung)

    def _recent(self, batch: Batch) -> Ints:
        """The last known items of each click's session, newest first `[N, L]`; -1 for none and repeated ones."""
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
        strength = (np.exp(-ages / settings.item_decay) * index.idf[shared])[source]
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
