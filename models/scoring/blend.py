"""Network and session kNN blended into one ranking.

Jannach and Ludewig 2017, "When recurrent neural networks meet the neighborhood for session-based
recommendation", blend by a weighted sum. Here the logarithms are summed, which orders the list better, and
whether the session has seen the item counts as well.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.batch import Batch
from models.retrieval import exact
from models.retrieval.exact import Ranked
from models.scoring.session_knn import NeighbourScorer
from models.state.segments import Ints, rank_in_group, strongest

Floats = NDArray[np.float64]
#: Added to shares, so that the share 0 has a logarithm.
LEAST = 1e-4
#: Pairs of click and item whose vectors are in memory together.
PAIRS = 16_384
#: Up to this ratio of all logits to the pairs wanted, computing all logits is faster than reading vectors.
DENSE = 32
#: Most logits of all clicks and items in memory (4 bytes each).
MOST_LOGITS = 4_000_000


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights of an item's log probability, of its log share among neighbours, and of two flags.

    `on_view`: the item is the click's own (a worker never recommends it); `seen`: it was seen shortly before.
    """

    network: float
    neighbours: float
    on_view: float
    seen: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.neighbours, self.on_view, self.seen]).all() and 0 < self.network < np.inf):
            raise ValueError(f"{self}: expected finite weights, the network's above 0; train it again")

    def scores(
        self, log_chances: Floats, shares: Floats, on_view: NDArray[np.bool_], seen: NDArray[np.bool_]
    ) -> Floats:
        """Log-linear scores; all arrays have one shape."""
        near = self.neighbours * np.log(shares + LEAST)
        made: Floats = self.network * log_chances + near + self.on_view * on_view + self.seen * seen
        return made


class Candidates(NamedTuple):
    """Flat arrays: click, item, log probability, share of the neighbours' sum, whether it was seen."""

    click: Ints
    item: Ints
    log_chance: Floats
    share: Floats
    seen: NDArray[np.bool_]

    def scored(self, blend: Blend) -> Floats:
        """The blended score of each; the item on view is no candidate."""
        return blend.scores(self.log_chance, self.share, np.zeros_like(self.seen), self.seen)


class Hybrid:
    """The blended ranking of a version."""

    def __init__(self, near: NeighbourScorer, blend: Blend) -> None:
        self.near, self.blend = near, blend

    def rank(self, ranked: Ranked, batch: Batch, queries: Tensor, table: Tensor, bias: Tensor) -> Ranked:
        """The k best items of N clicks, given the network's k best with their probabilities, `ranked`.

        Exact: items that neither neighbours nor session have keep their order among the network's items, so
        they are among the blended k best only if they are among the network's. Scores are shares of the sum
        over all candidates. `queries` [N, E], `table` [V, E], `bias` [V].
        """
        found = candidates(self.near, ranked, batch, queries, table, bias)
        weights = self._shares(found, len(ranked.items))
        chosen = strongest(found.click, weights, ranked.items.shape[1])
        clicks = found.click[chosen]
        made, column = exact.empty_ranking(*ranked.items.shape), rank_in_group(clicks)
        made.items[clicks, column] = found.item[chosen]
        made.scores[clicks, column] = weights[chosen]
        return made

    def scores(
        self, ranked: Ranked, batch: Batch, queries: Tensor, table: Tensor, bias: Tensor, items: Ints
    ) -> Floats:
        """Scores [N, K], as `rank` gives them, of the `items` [K]; 0 for an item that is no candidate."""
        found = candidates(self.near, ranked, batch, queries, table, bias)
        weights, made = self._shares(found, len(ranked.items)), np.zeros((len(ranked.items), len(items)))
        for column, item in enumerate(items.tolist()):
            there = found.item == item
            made[found.click[there], column] = weights[there]
        return made

    def _shares(self, found: Candidates, clicks: int) -> Floats:
        """Each candidate's share of its click's sum."""
        values, highest = found.scored(self.blend), np.full(clicks, -np.inf)
        np.maximum.at(highest, found.click, values)
        weights: Floats = np.exp(values - highest[found.click])
        return weights / np.bincount(found.click, weights, minlength=clicks)[found.click]


def candidates(
    near: NeighbourScorer, ranked: Ranked, batch: Batch, queries: Tensor, table: Tensor, bias: Tensor
) -> Candidates:
    """Items that may be among the blended best of N clicks: the network's, the neighbours', those seen."""
    found = near.ranked_neighbours(batch)
    rows, columns = np.nonzero(ranked.items >= 0)
    own = ranked.items[rows, columns].astype(np.int64)
    span = len(table)
    known = found.click * span + found.item
    alone = ~np.isin(rows * span + own, known, assume_unique=True)
    # Items that only the network has come with their probability, so that no vector is read for them.
    logits = _logits(found.click, found.item, queries, table, bias)
    total = _totals(ranked, queries, table, bias)[found.click]
    log_chance = np.concatenate([logits - total, np.log(ranked.scores[rows, columns][alone] + 1e-30)])
    nothing = np.zeros(int(alone.sum()))
    return Candidates(
        np.concatenate([found.click, rows[alone]]),
        np.concatenate([found.item, own[alone]]),
        np.clip(log_chance, -70, 0),
        np.concatenate([found.share, nothing]),
        np.concatenate([found.seen, nothing > 0]),
    )


def _totals(ranked: Ranked, queries: Tensor, table: Tensor, bias: Tensor) -> Floats:
    """Log of the softmax denominator of each click, from its best item's probability; 0 without an item."""
    best, chance = ranked.items[:, 0].astype(np.int64), ranked.scores[:, 0].astype(np.float64)
    logits = _logits(np.arange(len(best)), np.maximum(best, 0), queries, table, bias)
    return np.where(best >= 0, logits - np.log(chance + 1e-30), 0)


def _logits(clicks: Ints, items: Ints, queries: Tensor, table: Tensor, bias: Tensor) -> Floats:
    """Logits of the pairs of click and item."""
    if len(queries) * len(table) <= min(DENSE * len(clicks), MOST_LOGITS):
        found: Floats = torch.addmm(bias, queries, table.T).cpu().numpy()[clicks, items].astype(np.float64)
        return found
    blocks = [slice(at, at + PAIRS) for at in range(0, len(clicks), PAIRS)]
    parts = [_block(clicks[block], items[block], queries, table, bias) for block in blocks]
    return np.concatenate([np.zeros(0), *parts])


def _block(clicks: Ints, items: Ints, queries: Tensor, table: Tensor, bias: Tensor) -> Floats:
    where = torch.from_numpy(items).to(table.device)
    asked = queries[torch.from_numpy(clicks).to(table.device)]
    found = torch.linalg.vecdot(asked, table[where]) + bias[where]
    logits: Floats = found.double().cpu().numpy()
    return logits
