"""The session-kNN tier: items that followed in the sessions most similar to this one.

The method is VSTAN (Ludewig, Mauro, Latifi, Jannach 2021, "Empirical analysis of session-based recommendation
algorithms"). It adds inverse document frequency to STAN (Garg, Gupta, Malhotra, Vig, Shroff 2019, "Sequence
and time aware neighborhood"). Items count by how recently the session saw them, sessions by their age, and a
neighbour's items by their distance from the shared item. All clicks of a batch go through each step together.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract.predictions import FallbackTier
from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.retrieval import exact
from models.scoring.rates import StageRates
from models.scoring.scores import TIERS, Scores
from models.scoring.session_index import Floats, Ints, NeighbourSettings, SessionIndex
from models.state.codes import items as item_hashes
from models.state.segments import distinct, expand, rank_in_group, strongest

#: Clicks of a block; its flat arrays fit into the processor's cache.
BLOCK = 256


class Pairs(NamedTuple):
    """Flat arrays: click, neighbour session, its weight, the newest item that both have."""

    click: Ints
    session: Ints
    weight: Floats
    anchor: Ints


class RankedNeighbours(NamedTuple):
    """Flat arrays: click, item, share of the neighbours' sum (0: only seen), whether it was seen before."""

    click: Ints
    item: Ints
    share: Floats
    seen: NDArray[np.bool_]


class NeighbourScorer:
    """Answers clicks whose session has neighbours; the rows of other clicks are empty (item -1)."""

    def __init__(
        self,
        index: SessionIndex,
        vocabulary: Vocabulary,
        rates: StageRates,
        version: str,
        settings: NeighbourSettings | None = None,
    ) -> None:
        self.version, self.vocabulary = version, vocabulary
        self.index, self._rates, self.settings = index, rates, settings or NeighbourSettings()
        self._near = Neighbourhood(index, len(vocabulary.ids), self.settings)

    def score(self, batch: Batch) -> Scores:
        """Answers to N clicks from the items of their running sessions."""
        recent, current = self._recent(batch), self.vocabulary.lookup(item_hashes(batch.codes))
        blocks = [slice(at, at + BLOCK) for at in range(0, len(recent), BLOCK)]
        parts = [self._block(recent[block], current[block], batch.wanted) for block in blocks]
        items = np.concatenate([part.items for part in parts])
        scores = np.concatenate([part.scores for part in parts])
        tier = np.full(len(batch), TIERS.index(FallbackTier.SESSION_KNN), dtype=np.uint8)
        return Scores(self._rates.purchase(batch.features), items, scores, self.vocabulary.names, tier)

    def _recent(self, batch: Batch) -> Ints:
        """The last known items of each click's session `[N, L]`, newest first; -1 for none and repeats."""
        codes, place, session = batch.trails
        items = self.vocabulary.lookup(item_hashes(codes))
        seen = np.concatenate([[0], np.cumsum(items >= 0)])
        back = seen[place + 1][:, None] - 1 - np.arange(self.settings.last_items)
        known = np.append(items[items >= 0], -1)
        return without_repeats(np.where(back >= seen[session][:, None], known[np.maximum(back, 0)], -1))

    def ranked_neighbours(self, batch: Batch) -> RankedNeighbours:
        """All items of neighbours and session with their shares, without the item on view."""
        recent, current = self._recent(batch), self.vocabulary.lookup(item_hashes(batch.codes))
        parts = [_seen(recent, current)]
        for at in range(0, len(recent), BLOCK):
            clicks, items, values = self._others(recent[at : at + BLOCK], current[at : at + BLOCK])
            parts.append((clicks + at, items, values))
        clicks, items, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        # Items seen before come first, with value 0, so that a pair's first entry says whether it was seen.
        width = len(self.vocabulary.ids) + 1
        pairs = distinct(clicks * width + items, len(recent) * width)
        click, item = np.divmod(pairs.keys, width)
        sums = pairs.sums(values)
        total = np.bincount(click, sums, minlength=len(recent))[click]
        share = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
        return RankedNeighbours(click, item, share, pairs.first < len(parts[0][0]))

    def _others(self, recent: Ints, current: Ints) -> tuple[Ints, Ints, Floats]:
        """Flat click, item, score of all items of the neighbours, without the one on view."""
        clicks, items, values = self._near.scores(recent)
        other = items != current[clicks]
        return clicks[other], items[other], values[other]

    def _block(self, recent: Ints, current: Ints, k: int) -> exact.Ranked:
        """The k best items of each click, without the one on view."""
        clicks, items, values = self._others(recent, current)
        chosen = strongest(clicks, values, k)
        clicks, column = clicks[chosen], rank_in_group(clicks[chosen])
        ranked = exact.empty_ranking(len(recent), k)
        ranked.items[clicks, column] = items[chosen]
        ranked.scores[clicks, column] = values[chosen]
        return ranked


def _seen(recent: Ints, current: Ints) -> tuple[Ints, Ints, Floats]:
    """Flat click, item, 0 of the session's last items, without the one on view."""
    clicks, ages = np.nonzero((recent >= 0) & (recent != current[:, None]))
    return clicks, recent[clicks, ages], np.zeros(len(clicks))


def without_repeats(recent: Ints) -> Ints:
    """Items `[N, L]`, newest first, with -1 in place of repetitions."""
    kept = recent.copy()
    for column in range(1, recent.shape[1]):
        repeated = (recent[:, :column] == recent[:, column : column + 1]).any(1)
        kept[repeated, column] = -1
    return kept


class Neighbourhood:
    """Scores next items by past sessions; `items` is the number of items."""

    def __init__(self, index: SessionIndex, items: int, settings: NeighbourSettings) -> None:
        self._index, self._items, self._settings = index, items, settings

    def scores(self, recent: Ints) -> tuple[Ints, Ints, Floats]:
        """Flat click, item, score for clicks with the last items `recent` [N, L], newest first, -1: none."""
        return self._item_scores(self._neighbours(recent), len(recent))

    def _neighbours(self, recent: Ints) -> Pairs:
        """The strongest neighbours of each click."""
        index, settings = self._index, self._settings
        clicks, ages = np.nonzero(recent >= 0)
        shared = recent[clicks, ages]
        source, at = expand(index.bounds[shared], index.bounds[shared + 1])
        strength = (np.exp(-ages / settings.item_decay) * index.idf[shared])[source]
        width = len(index.recency) + 1
        pairs = distinct(clicks[source] * width + index.postings[at], len(recent) * width)
        click, session = np.divmod(pairs.keys, width)
        # Of sessions with equal weight the newest come first.
        weight = pairs.sums(strength) * index.recency[session] * (1 + 1e-9 * session)
        kept = strongest(click, weight, settings.neighbours)
        # Ages ascend within a click, so a pair's first entry is the newest shared item.
        return Pairs(click[kept], session[kept], weight[kept], shared[source][pairs.first[kept]])

    def _item_scores(self, pairs: Pairs, count: int) -> tuple[Ints, Ints, Floats]:
        """Flat click, item, score: sums over neighbours of weight x closeness to the shared item x idf."""
        index, width = self._index, self._items + 1
        source, at = expand(index.starts[pairs.session], index.starts[pairs.session + 1])
        items = index.items[at]
        place = np.zeros(len(pairs.session), dtype=np.int64)
        hit = items == pairs.anchor[source]
        place[source[hit]] = at[hit]
        closeness = np.exp(-np.abs(at - place[source]) / self._settings.distance_decay)
        found = distinct(pairs.click[source] * width + items, count * width)
        click, item = np.divmod(found.keys, width)
        values = found.sums(pairs.weight[source] * closeness) * index.idf[item]
        # Of items with equal scores the more popular one comes first.
        return click, item, values * (1 - 1e-9 * item)
